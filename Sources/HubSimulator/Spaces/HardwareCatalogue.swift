/// What Spaces can run on. Prices per hour: hub-docs `spaces-gpus.md`; form: `GET /api/spaces/hardware`
/// (huggingface_hub `list_spaces_hardware`, `JobHardwareInfo`).
package enum HardwareCatalogue {
    struct Flavor: Sendable {
        var name: String
        var prettyName: String
        var cpu: String
        var ram: String
        /// Model, quantity and memory of the accelerator.
        var gpu: (model: String, quantity: Int, vram: String)?
        var dollarsPerHour: Double

        var json: JSON {
            let perMinute = (dollarsPerHour / 60 * 1_000_000).rounded()
            let accelerator: JSON =
                gpu.map {
                    [
                        "type": "gpu", "model": .string($0.model), "quantity": .string(String($0.quantity)),
                        "vram": .string($0.vram), "manufacturer": "Nvidia",
                    ]
                } ?? .null
            return [
                "name": .string(name), "prettyName": .string(prettyName), "cpu": .string(cpu), "ram": .string(ram),
                "ephemeralStorage": "50 GB", "accelerator": accelerator, "unitCostMicroUSD": .int(Int(perMinute)),
                "unitCostUSD": .double(perMinute / 1_000_000), "unitLabel": "minute",
            ]
        }
    }

    static let free = "cpu-basic"
    /// Dynamic hardware whose sleep time nobody can set.
    static let zero = "zero-a10g"

    /// Names: huggingface_hub `SpaceHardware` (2.4.0), all of them. Prices and sizes: hub-docs `spaces-gpus.md` as far as it has them;
    /// those of the RTX PRO 6000 are ours, in proportion.
    static let flavors: [Flavor] = [
        Flavor(name: free, prettyName: "CPU Basic", cpu: "2 vCPU", ram: "16 GB", dollarsPerHour: 0),
        Flavor(name: "cpu-upgrade", prettyName: "CPU Upgrade", cpu: "8 vCPU", ram: "32 GB", dollarsPerHour: 0.03),
        gpu(zero, "ZeroGPU", 4, 60, ("H200", 1, 70), 0),
        gpu("t4-small", "Nvidia T4 - small", 4, 15, ("T4", 1, 16), 0.40),
        gpu("t4-medium", "Nvidia T4 - medium", 8, 30, ("T4", 1, 16), 0.60),
        gpu("l4x1", "1x Nvidia L4", 8, 30, ("L4", 1, 24), 0.80),
        gpu("l4x4", "4x Nvidia L4", 48, 186, ("L4", 4, 96), 3.80),
        gpu("l40sx1", "1x Nvidia L40S", 8, 62, ("L40S", 1, 48), 1.80),
        gpu("l40sx4", "4x Nvidia L40S", 48, 382, ("L40S", 4, 192), 8.30),
        gpu("l40sx8", "8x Nvidia L40S", 192, 1_534, ("L40S", 8, 384), 23.50),
        gpu("a10g-small", "Nvidia A10G - small", 4, 15, ("A10G", 1, 24), 1.00),
        gpu("a10g-large", "Nvidia A10G - large", 12, 46, ("A10G", 1, 24), 1.50),
        gpu("a10g-largex2", "2x Nvidia A10G - large", 24, 92, ("A10G", 2, 48), 3.00),
        gpu("a10g-largex4", "4x Nvidia A10G - large", 48, 184, ("A10G", 4, 96), 5.00),
        gpu("a100-large", "Nvidia A100 - large", 12, 142, ("A100", 1, 80), 2.50),
        gpu("a100x4", "4x Nvidia A100", 48, 568, ("A100", 4, 320), 10.00),
        gpu("a100x8", "8x Nvidia A100", 96, 1_136, ("A100", 8, 640), 20.00),
        gpu("rtx-pro-6000", "1x Nvidia RTX PRO 6000", 22, 232, ("RTX PRO 6000", 1, 96), 3.00),
        gpu("rtx-pro-6000x2", "2x Nvidia RTX PRO 6000", 44, 464, ("RTX PRO 6000", 2, 192), 6.00),
        gpu("rtx-pro-6000x4", "4x Nvidia RTX PRO 6000", 88, 928, ("RTX PRO 6000", 4, 384), 12.00),
        gpu("rtx-pro-6000x8", "8x Nvidia RTX PRO 6000", 176, 1_856, ("RTX PRO 6000", 8, 768), 24.00),
    ]

    /// - Parameters: memories in GB.
    private static func gpu(
        _ name: String, _ prettyName: String, _ cores: Int, _ ram: Int,
        _ gpu: (model: String, quantity: Int, memory: Int), _ dollarsPerHour: Double
    ) -> Flavor {
        Flavor(
            name: name, prettyName: prettyName, cpu: "\(cores) vCPU", ram: "\(ram) GB",
            gpu: (gpu.model, gpu.quantity, "\(gpu.memory) GB"), dollarsPerHour: dollarsPerHour)
    }

    /// `zerogpu` is another name for it, which the Hub takes at creation.
    static func flavor(_ name: String) -> Flavor? {
        flavors.first { $0.name == (name == "zerogpu" ? zero : name) }
    }
    static func isPaid(_ name: String) -> Bool { (flavor(name)?.dollarsPerHour ?? 0) > 0 }
    static var json: JSON { .array(flavors.map(\.json)) }
}
