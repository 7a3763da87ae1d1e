import Ledger
import StokerCore

/// Writes down who had what done. ``Operation/call(_:in:)`` is the only caller, so that no operation and no interface can forget it.
struct ActivityLog {
    /// One that was begun; nil where there is no ledger, or it did not take it.
    typealias Entry = Int64

    let context: OperationContext

    /// - Parameter given: the inputs as they came; nothing of them is believed.
    func begin(_ operation: Operation, _ given: [(name: String, value: JSONValue)]) async -> Entry? {
        let principal = context.caller.principal
        let activity = NewActivity(
            at: context.now(), actor: principal.kind, name: principal.name, address: principal.address,
            operation: operation.name, target: Self.target(operation, given), inputs: Self.inputs(operation, given))
        do throws(Failure) {
            return try await context.withStores { (stores) async throws(Failure) in
                try await stores.activities.begin(activity, within: .seconds(2))
            }
        } catch {
            // What a person wants is done all the same, as with a full disk.
            context.tell(
                .init(.warning, "unlogged", "stoker: this could not be written into the activity log (\(error.because))"))
            return nil
        }
    }

    func end(_ entry: Entry?, _ failure: Failure?) async {
        guard let entry else { return }
        let result: Activity.Result =
            switch failure?.code {
            case nil: .done
            case .forbidden, .unauthorized: .refused
            case .unconfirmed, .declined: .asked
            default: .failed
            }
        let because = failure.map { Redaction.text($0.because) }
        // What stays open says that its end is not known.
        try? await context.withStores { (stores) async throws(Failure) in
            try await stores.activities.end(entry, as: result, because: because)
        }
    }

    /// What is in the address: a Space, a check, a number.
    private static func target(_ operation: Operation, _ given: [(name: String, value: JSONValue)]) -> String? {
        var names = operation.pathNames
        if names.isEmpty { names = ["name", "id", "targets"] }
        let parts = names.compactMap { name -> String? in
            guard let value = given.first(where: { $0.name == name })?.value, !value.isNull else { return nil }
            return value.string ?? value.array?.compactMap(\.string).joined(separator: ", ") ?? value.text
        }
        return parts.isEmpty ? nil : Redaction.text(parts.joined(separator: "/"))
    }

    private static func inputs(_ operation: Operation, _ given: [(name: String, value: JSONValue)]) -> String? {
        let inPath = Set(operation.pathNames)
        let members = operation.parameters.compactMap { parameter -> JSONValue.Member? in
            guard !inPath.contains(parameter.name), parameter.name != Operation.Parameter.confirmName,
                let value = given.first(where: { $0.name == parameter.name })?.value, !value.isNull,
                let shown = shown(value, parameter.kind)
            else { return nil }
            return .init(parameter.name, shown)
        }
        return members.isEmpty ? nil : JSONValue.object(members).text
    }

    /// A value as the log may have it: no secret, no content of a file, texts cut; nil for what stays out.
    private static func shown(_ value: JSONValue, _ kind: Operation.Parameter.Kind) -> JSONValue? {
        switch kind {
        case .secret, .bytes: return "***"
        case .flag, .integer: return value.string.map { .string(Redaction.text(String($0.prefix(40)))) } ?? scalar(value)
        case .text, .instant, .duration, .choice, .choices:
            guard let text = value.string else { return scalar(value) }
            return .string(Redaction.text(text.count > 200 ? String(text.prefix(199)) + "…" : text))
        case .list(let item, _):
            let all = value.array ?? [value]
            let few = all.prefix(20).compactMap { shown($0, item) }
            return few.isEmpty ? nil : .array(few + (all.count > few.count ? [.string("and \(all.count - few.count) more")] : []))
        case .object(let parameters):
            // What it is called, not what is in it: a variable, a file.
            return parameters.first { ["name", "key", "path"].contains($0.name) }.flatMap { parameter in
                value[parameter.name].flatMap { shown($0, parameter.kind) }
            }
        }
    }

    private static func scalar(_ value: JSONValue) -> JSONValue? {
        switch value {
        case .bool, .integer, .number: value
        default: nil
        }
    }
}

extension Operation {
    /// Whether a call is written down: each change that somebody asks for. Beats are counted elsewhere, and the queue is an app's own.
    var isLogged: Bool { effect != .read && permission != .beat && !path.hasPrefix("/queue") }
}
