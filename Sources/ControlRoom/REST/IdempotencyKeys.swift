import Crypto
import Ledger
import Operations
import StokerCore
import Synchronization

/// Calls that change something and carry an `Idempotency-Key`: the same call twice is done once, and its answer is given again.
///
/// Kept in the ledger's records for a day, under the sender and the key: a code of the request, and its answer. The header and what its
/// statuses mean follow draft-ietf-httpapi-idempotency-key-header-07.
final class IdempotencyKeys: Sendable {
    static let kind = "idempotency"
    static let kept = Duration.seconds(86_400)
    /// Bytes of an answer that is kept.
    private static let largest = 48 * 1_024

    /// A call that was admitted, and has to be settled.
    struct Call: Sendable {
        fileprivate var key: String
        fileprivate var code: String
    }
    enum Admission: Sendable {
        /// It is to be done.
        case new(Call)
        /// It was done before: this was the answer.
        case known(Result<JSONValue, Failure>)
    }

    private let secret: SymmetricKey?
    private let running = Mutex<Set<String>>([])

    /// - Parameter token: of the server. Codes of requests are made with it, so that a copy of the ledger does not let anybody try values of secrets.
    init(token: Secret?) {
        secret = token.map {
            SymmetricKey(data: SHA256.hash(data: Array("stoker idempotency key 1\n\($0.reveal())".utf8)))
        }
    }

    private static let mostLength = 200
    /// What ``checked(_:doing:)`` takes, as JSON Schema.
    static let schema: JSONValue = [
        "type": "string", "minLength": 1, "maxLength": .integer(Int64(mostLength)), "pattern": "^[\\x21-\\x7E]+$",
    ]

    /// The header's value.
    /// - Throws: `usage` for one that is none.
    static func checked(_ text: String, doing: String) throws(Failure) -> String {
        var text = text[...]
        // The draft has it as a string of structured fields; nearly everybody sends it bare.
        if text.count > 2, text.first == "\"", text.last == "\"" { text = text.dropFirst().dropLast() }
        guard (1...mostLength).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw Failure(
                .usage, doing: doing, because: "the Idempotency-Key is not 1 to 200 visible ASCII characters",
                hint: "use a random UUID for each call")
        }
        return String(text)
    }

    /// - Throws: `conflict` while the first call goes on, `idempotency_mismatch` for another request under the same key, and what the ledger throws.
    func admit(
        _ key: String, of sender: String, _ operation: Operation, _ given: [(name: String, value: JSONValue)],
        in context: OperationContext
    ) async throws(Failure) -> Admission {
        let doing = operation.doing
        let records = try context.ledger.records
        let call = Call(
            key: Hex.text(Array(SHA256.hash(data: Array("\(sender)\n\(key)".utf8)))), code: code(operation, given))
        guard running.withLock({ $0.insert(call.key).inserted }) else { throw Self.underWay(doing) }
        do throws(Failure) {
            let now = context.now()
            let old = try await records.record(kind: Self.kind, key: call.key)
            let isCurrent = old.map { ($0.expires ?? .never) > now } ?? false
            if let old, isCurrent {
                let admission = try Self.admission(old, call, doing)
                end(call)
                return admission
            }
            // Another process of the same ledger may be faster.
            let written = try await records.put(
                NewRecord(
                    kind: Self.kind, key: call.key, body: JSONValue.object([.init("code", .string(call.code))]).text,
                    at: now, expires: now + Self.kept), ifVersion: old?.version ?? 0)
            guard written != nil else { throw Self.underWay(doing) }
            return .new(call)
        } catch {
            end(call)
            throw error
        }
    }

    /// Keeps the answer. A failure that says that nothing was done is not kept: the call may be made again.
    func settle(_ call: Call, _ result: Result<JSONValue, Failure>, in context: OperationContext) async throws(Failure)
    {
        defer { end(call) }
        let records = try context.ledger.records
        var members: [JSONValue.Member] = [.init("code", .string(call.code))]
        switch result {
        case .success(let answer):
            let text = answer.text
            // What looks like a secret does not belong in the ledger.
            let isKept = text.utf8.count <= Self.largest && Redaction.text(text) == text
            members.append(isKept ? .init("answer", answer) : .init("unkept", true))
        case .failure(let failure):
            if Self.didNothing(failure) {
                try await records.remove(kind: Self.kind, key: call.key)
                return
            }
            members.append(
                .init(
                    "failure",
                    [
                        "code": .string(failure.code.rawValue), "doing": .string(failure.doing),
                        "because": .string(Redaction.quote(failure.because, limit: 2_000)),
                        "hint": failure.hint.map { .string($0) } ?? .null,
                    ]))
        }
        let now = context.now()
        try await records.put(
            NewRecord(
                kind: Self.kind, key: call.key, body: JSONValue.object(members).text, at: now, expires: now + Self.kept)
        )
    }

    private func end(_ call: Call) { running.withLock { _ = $0.remove(call.key) } }

    private func code(_ operation: Operation, _ given: [(name: String, value: JSONValue)]) -> String {
        let text = "\(operation.name)\n" + JSONValue.object(given.map { .init($0.name, $0.value) }).text
        guard let secret else { return Hex.text(Array(SHA256.hash(data: Array(text.utf8)))) }
        return Hex.text(Array(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: secret)))
    }

    private static func admission(_ old: Record, _ call: Call, _ doing: String) throws(Failure) -> Admission {
        let body = (try? JSONValue(reading: old.body)) ?? .null
        guard body["code"]?.string == call.code else {
            throw Failure(
                .idempotencyMismatch, doing: doing, because: "the Idempotency-Key was used for another request",
                hint: "use a new key for each call; the same one only to repeat it exactly")
        }
        if let answer = body["answer"] { return .known(.success(answer)) }
        if let failure = body["failure"], let code = failure["code"]?.string {
            return .known(
                .failure(
                    Failure(
                        Failure.Code(rawValue: code), doing: failure["doing"]?.string ?? doing,
                        because: failure["because"]?.string ?? "",
                        hint: failure["hint"]?.string)))
        }
        guard body["unkept"] == nil else {
            throw Failure(
                .conflict, doing: doing,
                because:
                    "it was done under this Idempotency-Key, and its answer was too large or too secret to be kept",
                hint: "look at what is there now")
        }
        // It began in a process that is gone, or in another one of the same ledger.
        throw Failure(
            .conflict, doing: doing, because: "it was begun under this Idempotency-Key, and its end is not known",
            hint: "look whether it was done; use a new key to do it again")
    }

    private static func underWay(_ doing: String) -> Failure {
        Failure(
            .conflict, doing: doing, because: "a call with this Idempotency-Key is under way",
            hint: "wait for its answer", retry: .after(.seconds(1)))
    }

    private static func didNothing(_ failure: Failure) -> Bool {
        switch failure.code {
        case .usage, .unsuitable, .unauthorized, .forbidden, .unconfirmed, .declined, .overloaded, .fleetInvalid,
            .tooLarge,
            .notFound,
            .hubNoAccount:
            true
        default: false
        }
    }
}
