import HubClient
package import StokerCore

extension Operation.Parameter {
    /// The Space in the address.
    static let space: [Operation.Parameter] = [
        .init("owner", .path, .text(upTo: 96), form: partOfID, "User or organisation that owns the Space"),
        .init("name", .path, .text(upTo: 96), form: partOfID, "Its name"),
    ]

    // Forms of texts, for documentation; a test holds each to what decides.
    /// Neither `--` nor `..`, and no other sign at its ends.
    private static let partOfID = "^[A-Za-z0-9_]+((-|\\.|-\\.|\\.-)[A-Za-z0-9_]+)*$"
    /// Two of them.
    static let idForm =
        "^[A-Za-z0-9_]+((-|\\.|-\\.|\\.-)[A-Za-z0-9_]+)*/[A-Za-z0-9_]+((-|\\.|-\\.|\\.-)[A-Za-z0-9_]+)*$"
    /// A place in a list of the ledger's.
    static let numberForm = "^[0-9]{1,18}$"
    /// The number of an incident or a message.
    static let rowForm = "^[1-9][0-9]{0,17}$"
    static let commitForm = "^[0-9A-Fa-f]{7,64}$"
    /// Of a secret or variable.
    static let keyForm = "^[A-Za-z][A-Za-z0-9_]*$"
    static let backupForm = "^[A-Za-z0-9_-][A-Za-z0-9._-]*$"
    static let ticketForm = "^[0-9]{1,18}-[0-9]{1,18}$"
    static let tokenForm = "^[A-Za-z0-9._-]+$"
    /// Not only space.
    static let someText = "[^\\s]"
    static let sleepForm =
        "^(never|-1|[1-9][0-9]{0,8}|[1-9][0-9]{0,4}d([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?|[1-9][0-9]{0,5}h([0-9]{1,5}m)?([0-9]{1,5}s)?|[1-9][0-9]{0,6}m([0-9]{1,5}s)?|[1-9][0-9]{0,8}s)$"

    /// Another Space, or the same under another name.
    static func otherSpace(_ name: String, _ summary: String) -> Operation.Parameter {
        .init(name, .body, .text(upTo: 200), required: true, form: idForm, "\(summary), as owner/name")
    }

    static func revision(_ location: Location, _ summary: String = "A branch, tag or commit") -> Operation.Parameter {
        .init("revision", location, .text(upTo: 200), defaultValue: "main", summary)
    }

    static let timeout = Operation.Parameter(
        "timeout", .body, .duration, "Give up after so long, also on a Hub that does not answer")

    static let sleepTime = Operation.Parameter(
        "sleep_time", .body, .text(upTo: 20), form: sleepForm,
        "Puts it to sleep after so long without a visit: 30m, 2d, a number of seconds, or never (also -1)")

    static let volumes = Kind.list(.text(upTo: 500), upTo: 20)
    static let patterns = Kind.list(.text(upTo: 1_000), upTo: 1_000)
    static let hubText = Kind.text(upTo: 1_000)
}

extension Arguments {
    /// The Space that the address names.
    func space() throws(Failure) -> RepoID { try RepoID.space("\(name("owner"))/\(name())") }
}

extension OperationContext {
    /// The Hub, and the Space that the address names. What a killed command left paused is told.
    func space(_ arguments: Arguments) async throws -> (hub: Hub, id: RepoID) {
        let hub = try hub
        let id = try arguments.space()
        await tellLeft(id, hub)
        return (hub, id)
    }

    /// Spaces that a change paused and that are to be restarted.
    var restartNotes: RestartNotes {
        get throws(Failure) { RestartNotes(folder: try dataFolder) }
    }

    /// A Space that a killed command left paused is told by whatever comes next.
    private func tellLeft(_ id: RepoID, _ hub: Hub) async {
        guard let notes = try? restartNotes else { return }  // without a folder nothing was left
        let endpoint = hub.settings.endpoint
        guard let note = await notes.left(of: id, endpoint: endpoint) else { return }
        do {
            guard try await hub.runtime(of: id).stage != .paused else {
                return tell(
                    .init(.warning, "left-paused", "stoker: \(note.sentence); `stoker space restart \(id)` starts it"))
            }
            await notes.forget(id, endpoint: endpoint)
        } catch  where error.kind == .notFound {
            await notes.forget(id, endpoint: endpoint)
        } catch {}  // the operation itself tells that the Hub cannot be asked
    }

    /// Work that was given a time.
    /// - Throws: `hub.unreachable` when the moment came first.
    func inTime<Value: Sendable>(
        _ limit: Duration, until moment: ContinuousClock.Instant, doing: String,
        _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        guard let value = try await Deadline.run(until: moment, work) else {
            throw Failure(
                .hubUnreachable, doing: doing, because: "the Hub gave no answer within \(limit.text)",
                hint: "give it more with --timeout")
        }
        return value
    }
}

package enum SleepTime {
    /// −1 for never.
    package static func seconds(_ text: String) throws(Failure) -> Int {
        if text == "never" || text == "-1" { return -1 }
        // A number alone is seconds, as the official client and the Hub count them.
        if let seconds = Int(text), (1...Self.most).contains(seconds) { return seconds }
        guard let span = Duration(text: text), span >= .seconds(1) else {
            throw Failure(
                .usage, doing: "read the sleep time \"\(text.shortened)\"", because: "it is not a duration",
                hint: "write 30m, 2h, 2d, a number of seconds, or never (also -1)")
        }
        return Int(min(span, .seconds(most)).seconds)
    }
    /// A hundred years: more than the Hub keeps of anything.
    private static let most = 3_153_600_000

    /// What the Hub keeps in place of the wish; nil when it took it.
    static func note(_ runtime: SpaceRuntime, wished seconds: Int) -> String? {
        guard runtime.sleepSeconds != (seconds < 0 ? nil : seconds) else { return nil }
        return
            "The Hub keeps \(runtime.sleepSeconds.map { OutputFormatting.span(Double($0)) } ?? "never"): on \(runtime.requestedHardware ?? "this hardware") it cannot be chosen."
    }
}

extension OperationContext {
    /// The Space whose app answers under this subdomain of the platform.
    /// - Throws: `hub.not_found` when there is none.
    package func space(answeringAt subdomain: String) async throws(Failure) -> String {
        do { return "\(try await hub.space(bySubdomain: subdomain))" } catch {
            throw Failure(of: error, doing: "find the Space of \(subdomain)")
        }
    }
}
