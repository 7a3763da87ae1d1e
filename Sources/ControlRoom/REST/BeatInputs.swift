import Operations
import StokerCore

/// What a job says with one call, put together from the address, its query and its body.
///
/// A body is the job's own text unless it is made of the inputs of the operation `beat`: a job that posts its log must be heard
/// whatever is in it, and a job that says `signal=fail` must not be taken for well.
struct BeatInputs {
    /// What a call can say; the name of the heartbeat is in its address.
    static let names = Operation.beat.parameters.filter { $0.location == .body }.map(\.name)

    enum Body: Equatable {
        case inputs([JSONValue.Member])
        /// The job's own words.
        case note(String)
    }

    /// Who called, when no input says so.
    var caller: String?
    private var given: [JSONValue.Member] = []
    private var note = ""

    /// - Parameters:
    ///   - signal: what the address says; nil when it says nothing.
    ///   - code: the exit status in the address.
    init(of signal: String?, code: String?) {
        if let signal { given.append(.init("signal", .string(signal))) }
        if let code { given.append(.init("code", .string(code))) }
    }

    /// Whether a name was meant to be `signal`: ignoring it would take a failure for success.
    static func isMisspeltSignal(_ name: String) -> Bool {
        !names.contains(name) && ClosestMatch.of(name, among: ["signal"]) != nil
    }

    /// Names that are no input are left alone, as healthchecks.io does.
    /// - Throws: `unsuitable` for an input that is given twice and differs.
    mutating func add(query: [(name: String, value: JSONValue)]) throws(Failure) {
        for (name, value) in query where Self.names.contains(name) || Self.isMisspeltSignal(name) {
            try add(name, value)
        }
    }

    /// - Throws: `unsuitable` for an input that contradicts the address.
    mutating func add(body: Body) throws(Failure) {
        switch body {
        case .inputs(let members): for member in members { try add(member.name, member.value) }
        case .note(let text): add(note: text)
        }
    }

    private mutating func add(_ name: String, _ value: JSONValue) throws(Failure) {
        if name == "note", let text = value.string { return add(note: text) }
        guard let before = given.first(where: { $0.name == name }) else {
            given.append(.init(name, value))
            return
        }
        let (said, says) = (before.value.string ?? before.value.text, value.string ?? value.text)
        guard said != says else { return }
        throw Failure(
            .unsuitable, doing: Operation.beat.doing,
            because: "\"\(name)\" is both \"\(said.shortened)\" and \"\(says.shortened)\"",
            hint: "say it once: in the address, in the query or in the body")
    }

    private mutating func add(note text: String) {
        guard !text.isEmpty else { return }
        note += note.isEmpty ? text : "\n" + text
    }

    /// For ``Operation/call(_:in:)``.
    func inputs(name: String) -> [(name: String, value: JSONValue)] {
        var all = [(name: "name", value: JSONValue.string(name))] + given.map { ($0.name, $0.value) }
        let text = RequestReading.noteText(Array(note.utf8))
        if !text.isEmpty { all.append(("note", .string(text))) }
        if let caller, !given.contains(where: { $0.name == "from" }) {
            all.append(("from", .string(String(caller.prefix(200)))))
        }
        return all
    }
}

extension BeatInputs.Body {
    /// - Parameters:
    ///   - type: the body's media type in lower case, without parameters; nil when none was sent.
    ///   - saysSignal: whether the address says what happened, so that any body can be a note.
    /// - Throws: `usage` when a body was meant to hold inputs and cannot be read.
    init(_ bytes: [UInt8], type: String?, saysSignal: Bool) throws(Failure) {
        let doing = Operation.beat.doing
        self = .note(RequestReading.noteText(bytes))
        if bytes.first(where: { $0 > 0x20 }) == 0x7B {
            do throws(JSONValue.SyntaxError) {
                let members = try JSONValue(reading: bytes).members ?? []
                if Self.areInputs(members.map(\.name), strict: !saysSignal) { self = .inputs(members) }
            } catch {
                guard type == "application/json", !saysSignal else { return }
                throw Failure(
                    .usage, doing: doing, because: "the body is not a JSON object: \(error)",
                    hint: "send a note as text/plain")
            }
            return
        }
        switch type {
        case nil, "application/x-www-form-urlencoded":
            guard let members = Self.form(bytes) else { return }
            if Self.areInputs(members.map(\.name), strict: !saysSignal && !bytes.contains { $0 <= 0x20 }) {
                self = .inputs(members)
            }
        case let type? where type.hasPrefix("multipart/"):
            let text = String(decoding: bytes, as: UTF8.self)
            guard !saysSignal, text.contains("name=\"signal\"") || text.contains("name=\"code\"") else { return }
            throw Failure(
                .usage, doing: doing, because: "the inputs are in a \(type) body",
                hint: "send them in the query, as application/x-www-form-urlencoded or as JSON")
        default: break
        }
    }

    /// Whether members with these names are inputs rather than a job's own words.
    /// - Parameter strict: whether one that says `signal`, or nearly so, is to be read as inputs and refused for its other names.
    private static func areInputs(_ names: [String], strict: Bool) -> Bool {
        guard !names.isEmpty else { return false }
        return names.allSatisfy(BeatInputs.names.contains)
            || strict && names.contains { $0 == "signal" || BeatInputs.isMisspeltSignal($0) }
    }

    /// `signal=fail&note=disk+100%25+full`; a percent sign that encodes nothing is one. nil when it is no form.
    private static func form(_ bytes: [UInt8]) -> [JSONValue.Member]? {
        var text = Substring(decoding: bytes, as: UTF8.self)
        while text.last?.isNewline == true { text.removeLast() }
        var members: [JSONValue.Member] = []
        for part in text.split(separator: "&") {
            guard let mark = part.firstIndex(of: "="), members.count < 64 else { return nil }
            let (name, value) = (part[..<mark], part[part.index(after: mark)...])
            members.append(
                .init(
                    PercentCoding.lenientlyDecoded(name, plusIsSpace: true),
                    .string(PercentCoding.lenientlyDecoded(value, plusIsSpace: true))))
        }
        return members
    }
}
