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

    static let flavors: [Flavor] = [
        Flavor(name: free, prettyName: "CPU Basic", cpu: "2 vCPU", ram: "16 GB", dollarsPerHour: 0),
        Flavor(name: "cpu-upgrade", prettyName: "CPU Upgrade", cpu: "8 vCPU", ram: "32 GB", dollarsPerHour: 0.03),
        Flavor(
            name: zero, prettyName: "ZeroGPU", cpu: "4 vCPU", ram: "60 GB", gpu: ("H200", 1, "70 GB"),
            dollarsPerHour: 0),
        Flavor(
            name: "t4-small", prettyName: "Nvidia T4 - small", cpu: "4 vCPU", ram: "15 GB", gpu: ("T4", 1, "16 GB"),
            dollarsPerHour: 0.40),
        Flavor(
            name: "t4-medium", prettyName: "Nvidia T4 - medium", cpu: "8 vCPU", ram: "30 GB", gpu: ("T4", 1, "16 GB"),
            dollarsPerHour: 0.60),
        Flavor(
            name: "l4x1", prettyName: "1x Nvidia L4", cpu: "8 vCPU", ram: "30 GB", gpu: ("L4", 1, "24 GB"),
            dollarsPerHour: 0.80),
        Flavor(
            name: "l40sx1", prettyName: "1x Nvidia L40S", cpu: "8 vCPU", ram: "62 GB", gpu: ("L40S", 1, "48 GB"),
            dollarsPerHour: 1.80),
        Flavor(
            name: "a10g-small", prettyName: "Nvidia A10G - small", cpu: "4 vCPU", ram: "15 GB",
            gpu: ("A10G", 1, "24 GB"), dollarsPerHour: 1.00),
        Flavor(
            name: "a10g-large", prettyName: "Nvidia A10G - large", cpu: "12 vCPU", ram: "46 GB",
            gpu: ("A10G", 1, "24 GB"), dollarsPerHour: 1.50),
        Flavor(
            name: "a100-large", prettyName: "Nvidia A100 - large", cpu: "12 vCPU", ram: "142 GB",
            gpu: ("A100", 1, "80 GB"), dollarsPerHour: 2.50),
    ]

    /// `zerogpu` is taken as another name (hub-api.md 7.4).
    static func flavor(_ name: String) -> Flavor? {
        flavors.first { $0.name == (name == "zerogpu" ? zero : name) }
    }
    static func isPaid(_ name: String) -> Bool { (flavor(name)?.dollarsPerHour ?? 0) > 0 }
    static var json: JSON { .array(flavors.map(\.json)) }
}
