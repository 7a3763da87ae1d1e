import NIOPosix
package import StokerCore

extension VaultOpening {
    /// Names of the states that are in a place, for who was told none.
    /// - Returns: in order; empty for a place that holds one state without a name.
    package func states(in address: VaultAddress) async throws(Failure) -> [String] {
        let vault = try open(address, state: nil)
        let result: Result<[String], Failure>
        do throws(VaultFailure) {
            switch vault {
            case let place as PostgresVault: result = .success(try await place.states())
            case let place as GitVault: result = .success(try await place.states())
            case is DatasetVault: result = .success([])
            default:
                let heads = try await vault.list("").map(\.name).filter { $0.hasSuffix(Self.head) }
                result = .success(heads.map { Self.state(of: String($0.dropLast(Self.head.count))) })
            }
        } catch {
            result = .failure(Failure(error))
        }
        await vault.shutdown()
        return try result.get().sorted()
    }

    private static let head = "/v1/head"

    /// What ``part(_:)`` made of a name, read back.
    static func state(of part: String) -> String {
        var bytes: [UInt8] = []
        var rest = Array(part.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2)
            if byte == UInt8(ascii: "="), digits.count == 2,
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
