import Operations
import StokerCore
import TestSupport
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
        // A cursor is a text like any other until its list is read.
        #expect(told.hasPrefix(name == "cursor" ? "unsuitable" : "usage"))
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

    /// Takes everything that can be nested; deletes what it is told when it was told yes.
    static let nested = Operation(
        name: "nested", summary: "Takes lists and objects", doing: "take them", effect: .destructive, method: .post,
        path: "/nested/{owner}/{name}",
        parameters: [
            .init("owner", .path, .text(upTo: 9), "One"), .init("name", .path, .text(upTo: 9), "Other"),
            .init(
                "files", .body,
                .list(
                    .object([
                        .init("path", .body, .text(upTo: 20), required: true, "Where"),
                        .init("content", .body, .bytes(upTo: 6), required: true, "What"),
                        .init("mode", .body, .choice(["plain", "executable"]), defaultValue: "plain", "How"),
                    ]), upTo: 3), "Files"),
            .init("values", .body, .list(.secret(upTo: 8), upTo: 2), "Secrets"),
            .init("folder", .local, .text(upTo: 99), "A folder of the caller's disk"),
        ], answer: Operation.reload.answer
    ) { context, arguments in
        try await context.confirm(
            Question(.destroys, doing: "take them", "Take \(arguments.objects("files").count) files?"))
        return .array(
            arguments.objects("files").map {
                .string("\($0.name("path")) \($0.bytes("content") ?? []) \($0.name("mode"))")
            })
    }

    static func nestedProblem(_ body: String, isLocal: Bool = false) -> String {
        let members = (try? JSONValue(reading: body))?.members ?? []
        do {
            _ = try Arguments(
                [("owner", "a"), ("name", "b")] + members.map { ($0.name, $0.value) }, for: nested, now: .never,
                isLocal: isLocal)
            return "none"
        } catch {
            return error.because
        }
    }

    @Test(arguments: [
        (#"{"files": [{"path": "a", "content": "aGk="}]}"#, "none"),
        (
            #"{"files": [{"path": "a", "content": "aGk="}, {"pth": "a", "content": "aGk="}]}"#,
            "\"files[1].pth\" is not a member of files[1]; did you mean \"files[1].path\"?"
        ),
        (
            #"{"files": [{"content": "aGk="}, {"path": "a"}]}"#,
            "\"files[0].path\" is missing (text of at most 20 characters); \"files[1].content\" is missing"
        ),
        (#"{"files": [{"path": "a", "content": "no base64"}]}"#, "\"files.content\" is not base64"),
        (#"{"files": [{"path": "a", "content": "aGVsbG8gd29ybGQ="}]}"#, "\"files.content\" holds more than 6 bytes"),
        (#"{"files": [{"path": "a", "content": "aGk=", "mode": "plian"}]}"#, "did you mean \"plain\"?"),
        (#"{"files": [1, 2, 3, 4]}"#, "\"files\" has more than 3 items"),
        (
            #"{"files": [1, []]}"#,
            "\"files[0]\" is no object; expected an object with \"path\", \"content\", \"mode\" (optional); \"files[1]\" is no object"
        ),
        (#"{"files": ["hf_aaaa=4711"]}"#, "\"files\" is no object; expected an object with"),
        (#"{"files": {}}"#, "\"files.path\" is missing"),
        (#"{"values": ["hf_aaaaaaaaaaaaaaa", "ok"]}"#, "\"values[0]\" is longer than 8 characters"),
        (#"{"values": [4711, "ok"]}"#, "\"values[0]\" is no text"),
        (#"{"folder": "/etc"}"#, "\"folder\" is not a parameter of nested"),
    ]) func nestedMistakesAreNamedWithTheirPlace(_ body: String, _ expected: String) {
        let told = Self.nestedProblem(body)
        #expect(told.contains(expected), "\(told)")
        #expect(!told.contains("hf_a") && !told.contains("4711"))
    }

    @Test func aFolderIsTakenFromThisProcessOnly() {
        #expect(Self.nestedProblem(#"{"folder": "/etc"}"#, isLocal: true) == "none")
        #expect(Self.nested.inputSchema["properties"]?["folder"] == nil)
        #expect(Self.nested.inputSchema["properties"]?["files"]?["items"]?["required"] == ["path", "content"])
    }

    @Test func aListInAQueryIsItsNameSeveralTimes() throws {
        let read = try Arguments(
            [("owner", "a"), ("name", "b"), ("values", "x"), ("values", "y")], for: Self.nested, now: .never)
        #expect(read.has("values"))
        let failure = #expect(throws: Failure.self) {
            try Arguments(
                [("owner", "a"), ("name", "b"), ("values", "x"), ("values", "y"), ("values", "z")], for: Self.nested,
                now: .never)
        }
        #expect(failure?.because.contains("more than") == true)
    }

    @Test func whatDestroysIsDoneWithAYesOnly() async throws {
        let given: [(name: String, value: JSONValue)] = [
            ("owner", "a"), ("name", "b"), ("files", [["path": "p", "content": "aGk="]]),
        ]
        let context = OperationContext(now: { .never })
        let failure = await #expect(throws: Failure.self) { try await Self.nested.call(given, in: context) }
        #expect(failure?.code == .unconfirmed && failure?.because.contains("Take 1 files?") == true)
        #expect(failure?.hint?.contains("\"confirm\": true") == true)
        let done = try await Self.nested.call(given + [("confirm", true)], in: context)
        #expect(done == ["p [104, 105] plain"])
    }

    @Test func everyStandardValueFits() throws {
        for operation in Operation.all {
            for parameter in operation.parameters where parameter.defaultValue != nil {
                let alone = Operation(
                    name: operation.name, summary: "", doing: "", path: "/x", parameters: [parameter],
                    answer: operation.answer
                ) { _, _ in .null }
                let given = try Arguments([(parameter.name, parameter.defaultValue!)], for: alone, now: .never)
                #expect(given.has(parameter.name), "\(operation.name) \(parameter.name)")
                #expect(try Arguments([], for: alone, now: .never).has(parameter.name))
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

/// Of two inputs that exclude each other none is filled in: a caller who gives the other one would be refused.
@Suite struct ExcludingInputsTests {
    @Test func nothingIsFilledInBesideUntil() {
        for operation in Operation.all {
            let names = Set(operation.parameters.map(\.name))
            guard names.isSuperset(of: ["for", "until"]) else { continue }
            for parameter in operation.parameters where ["for", "until"].contains(parameter.name) {
                #expect(parameter.defaultValue == nil, "\(operation.name): \(parameter.name)")
            }
        }
    }
}
