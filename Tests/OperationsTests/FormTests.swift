import HubClient
import Operations
import StokerCore
import TestSupport
import Testing

/// What documentation says of the form of a text is what decides.
@Suite struct FormTests {
    private static let texts = [
        "", " ", "0", "1", "18", "999999999999999999", "12-1", "-1", "abc", "deadbee", "DEADBEEF0", "zzzzzzz", "a b",
        "a--b", "a-.b",
        "a.-b", "-a", "a-", ".x", "x.sqlite", "x_y", "ä", "a/b", "never", "30m", "1d12h", "2h30m", "90", "5x", "250ms",
        "12h5",
        "1m1h", "A1_B", "1A", "a\nb", "0.0123456789abcdef",
    ]

    private static func form(_ operation: Operation, _ name: String) throws -> Regex<AnyRegexOutput> {
        let parameter = try #require(operation.parameters.first { $0.name == name })
        return try Regex(#require(parameter.form))
    }

    /// Of operations on the running fleet: a text of that form is looked for, any other is refused.
    @Test(arguments: [
        ("show-incident", "name"), ("notify-show", "name"), ("notify-list", "cursor"), ("list-tokens", "cursor"),
        ("backup", "name"), ("add-token", "name"),
    ]) func aTextOfTheFormIsTaken(_ name: String, _ input: String) async throws {
        let operation = try #require(Operation.named(name))
        let form = try Self.form(operation, input)
        for text in Self.texts {
            var given: [(name: String, value: JSONValue)] = [(input, .string(text))]
            if name == "add-token" { given.append(("scope", "read")) }
            var code: Failure.Code?
            do { _ = try await FleetDouble().call(name, given) } catch { code = error.code }
            let isRefused = code == .usage || code == .unsuitable
            #expect((text.firstMatch(of: form) != nil) == !isRefused, "\(name) \(input)=\(text)")
        }
    }

    @Test func idsAndSleepTimesAreTaken() throws {
        let (owner, time) = (try Self.form(.showSpace, "owner"), try Self.form(.setSleepTime, "time"))
        let id = try Self.form(.moveSpace, "to")
        for text in Self.texts {
            #expect((text.firstMatch(of: owner) != nil) == ((try? RepoID.space("\(text)/app")) != nil), "\(text)")
            #expect((text.firstMatch(of: time) != nil) == ((try? SleepTime.seconds(text)) != nil), "\(text)")
            for other in ["app", "a--b", ""] {
                let whole = "\(text)/\(other)"
                #expect((whole.firstMatch(of: id) != nil) == ((try? RepoID.space(whole)) != nil), "\(whole)")
            }
        }
    }

    @Test func keysAreTaken() throws {
        let values = try #require(Operation.setSecrets.parameters.first { $0.name == "values" })
        guard case .list(.object(let members), _) = values.kind else {
            Issue.record("values are no list of objects")
            return
        }
        let form = try Regex(#require(members.first { $0.name == "key" }?.form))
        for text in Self.texts { #expect((text.firstMatch(of: form) != nil) == SpaceValueKind.isKey(text), "\(text)") }
    }
}
