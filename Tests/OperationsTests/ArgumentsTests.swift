import Operations
import StokerCore
import Testing

@Suite struct ArgumentsTests {
    static func problem(_ operation: String, _ given: [(name: String, value: JSONValue)]) async -> String {
        do {
            _ = try await FleetDouble().call(operation, given)
            return "none"
        } catch {
            return "\(error.code): \(error.because)"
        }
    }

    @Test(arguments: [
        ("list-checks", "verdcit", "up", "did you mean \"verdict\"?"),
        ("list-checks", "verdict", "dwon", "did you mean \"down\"?"),
        ("list-checks", "limit", "0", "expected a whole number 1…1000"),
        ("list-checks", "limit", "many", "is \"many\"; expected a whole number"),
        ("list-checks", "strips", "perhaps", "expected true or false"),
        ("observations", "from", "yesterday", "expected a time such as"),
        ("observations", "cursor", "x", "not one that a page gave"),
        ("overview", "x", "1", "is not a parameter of overview"),
    ]) func mistakesAreNamed(_ operation: String, _ name: String, _ value: String, _ expected: String) async {
        let told = await Self.problem(operation, [(name, .string(value))])
        #expect(told.contains(expected), "\(told)")
        #expect(told.hasPrefix("usage"))
    }

    @Test func allProblemsAreToldAtOnce() async {
        let told = await Self.problem("list-checks", [("limit", "0"), ("limits", "1"), ("sort", "nmae")])
        #expect(told.contains("\"limit\" is") && told.contains("\"limits\"") && told.contains("\"sort\" is"))
    }

    /// The names are no help to somebody whose value is wrong, least of all on the command line, where they are options.
    @Test func theKnownNamesAreToldOnlyForAWrongName() throws {
        let wrong = try #require(throws: Failure.self) {
            try Arguments([("limits", "1")], for: #require(Operation.named("incidents")), now: .never)
        }
        #expect(wrong.hint?.contains("limit") == true)
        let value = try #require(throws: Failure.self) {
            try Arguments([("limit", "many")], for: #require(Operation.named("incidents")), now: .never)
        }
        #expect(value.hint == nil)
    }

    @Test func aNameGivenTwiceIsAMistake() async {
        #expect(await Self.problem("list-checks", [("limit", "1"), ("limit", "2")]).contains("given twice"))
    }

    @Test func whatIsMissingIsNamed() async {
        #expect(await Self.problem("show-check", []).contains("\"name\" is missing"))
    }

    @Test func aStrangersTextIsCutInMessages() async {
        let told = await Self.problem("list-checks", [("sort", .string(String(repeating: "x", count: 5_000)))])
        #expect(told.count < 400)
    }

    @Test func everyStandardValueFits() async {
        for operation in Operation.all {
            for parameter in operation.parameters where parameter.standard != nil {
                let given = operation.parameters.filter { $0.place == .path }.map {
                    (name: $0.name, value: JSONValue.string("bot"))
                }
                #expect(throws: Never.self, "\(operation.name) \(parameter.name)") {
                    try Arguments(given + [(parameter.name, parameter.standard!)], for: operation, now: .never)
                }
            }
        }
    }

    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("1970-01-02", 86_400_000), ("2026-11-21T08:15:00.250Z", 1_795_248_900_250),
            ("2026-11-21T09:15:00.25+01:00", 1_795_248_900_250), ("2024-02-29T00:00:00Z", 1_709_164_800_000),
            ("1969-12-31T23:59:59Z", -1_000),
        ] as [(String, Int64)]) func timesAreRead(_ text: String, _ milliseconds: Int64)
    {
        #expect(Instant(rfc3339: text)?.milliseconds == milliseconds)
    }

    @Test(arguments: [
        "", "2026", "2026-13-01", "2026-02-29", "2026-11-21T08:15:00", "2026-11-21T25:00:00Z", "2026-11-21T08:15:00+1",
        "２０２６-11-21",
        "2026-11-21T08:15:00Zx", "2026-11-21T08:15:00.Z",
    ]) func whatIsNoTimeIsNotRead(_ text: String) {
        #expect(Instant(rfc3339: text) == nil)
    }

    @Test func writtenTimesAreReadBack() {
        for milliseconds in stride(from: Int64(-5_000_000_000_000), to: 5_000_000_000_000, by: 76_543_210_987) {
            let instant = Instant(milliseconds: milliseconds)
            #expect(Instant(rfc3339: instant.description) == instant)
        }
    }
}
