import NIOHTTP1
import StokerCore

/// One offer of the Hub's hardware catalogue.
package struct SpaceHardware: Sendable, Equatable {
    /// Flavor, as requests name it: `t4-small`. An open set.
    package var name: String
    package var prettyName: String
    package var cpu: String
    package var memory: String
    package var disk: String?
    package var accelerator: Accelerator?
    /// Millionths of a US dollar for one ``unit``; 0 is free. nil when the catalogue gives no price.
    package var microDollars: Int?
    /// What the price is for; `minute` in all that was seen.
    package var unit: String

    package struct Accelerator: Sendable, Equatable {
        package var type: String
        package var model: String
        /// Text in the catalogue: `"4"`.
        package var quantity: String
        package var memory: String
    }

    /// US dollars an hour; nil when the unit is not one that can be turned into hours.
    package var dollarsPerHour: Double? {
        guard let microDollars else { return nil }
        let dollars = Double(microDollars) / 1_000_000
        return switch unit {
        case "minute": dollars * 60
        case "hour": dollars
        case "second": dollars * 3_600
        default: microDollars == 0 ? 0 : nil
        }
    }

    init?(_ raw: JSONValue) {
        guard let name = raw["name"]?.string else { return nil }
        self.name = name
        prettyName = raw["prettyName"]?.string ?? name
        cpu = raw["cpu"]?.string ?? ""
        memory = raw["ram"]?.string ?? ""
        disk = raw["ephemeralStorage"]?.string
        if let accelerator = raw["accelerator"], accelerator.members != nil {
            self.accelerator = Accelerator(
                type: accelerator["type"]?.string ?? "", model: accelerator["model"]?.string ?? "",
                quantity: accelerator["quantity"]?.string ?? accelerator["quantity"]?.integer.map(String.init) ?? "1",
                memory: accelerator["vram"]?.string ?? "")
        }
        microDollars =
            raw["unitCostMicroUSD"]?.integer
            ?? raw["unitCostUSD"]?.double.flatMap { Int(exactly: ($0 * 1_000_000).rounded()) }
        unit = raw["unitLabel"]?.string ?? "minute"
    }
}

/// Seconds of shared GPU time of an account.
package struct ZeroGPUQuota: Sendable, Equatable {
    package var base: Double?
    /// What is left, although the Hub calls it `current`.
    package var left: Double?
    package var resetsAt: String?
    package var overquotaUsed: Double?
}

extension Hub {
    /// `GET /api/spaces/hardware`: what can be rented, in the Hub's order.
    package func hardwareCatalogue() async throws(HubFailure) -> [SpaceHardware] {
        let doing = "read the hardware catalogue"
        let raw: JSONValue = try await value(HubRequest(.GET, "/api/spaces/hardware", doing: doing))
        guard let items = raw.array else { throw .notKnown(doing) }
        return items.compactMap(SpaceHardware.init)
    }

    /// `GET /api/spaces/zero-gpu/quota`: GPU seconds of the token's account.
    package func zeroGPUQuota() async throws(HubFailure) -> ZeroGPUQuota {
        let raw: JSONValue = try await value(
            HubRequest(.GET, "/api/spaces/zero-gpu/quota", doing: "read the ZeroGPU quota", right: "a token"))
        return ZeroGPUQuota(
            base: raw["base"]?.double, left: raw["current"]?.double, resetsAt: raw["resetsAt"]?.string,
            overquotaUsed: raw["overquotaUsed"]?.double)
    }
}

extension HubFailure {
    static func notKnown(_ doing: String) -> HubFailure {
        HubFailure(.unreadable, doing: doing, said: "the answer is not of the form we know")
    }
}
