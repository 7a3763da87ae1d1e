import Runtime
package import StokerCore

/// A program of the machine: it gets the message as JSON on its standard input, the same as a webhook.
///
/// Exit status 0 is delivered, 75 (`EX_TEMPFAIL` of sysexits.h) later, everything else refused. It has 30 s, and the key of the message in
/// `STOKER_NOTICE_KEY`. No shell reads it.
package struct CommandChannel: Channel {
    package var command: [String] = []
    package var templates: [FleetNamed<String>] = []

    package static let name = "command"
    package static let example = "command: [/usr/local/bin/tell]"

    package init() {}

    package static let table = FleetTable<CommandChannel>(
        [
            FleetKey(
                "command", .list(.text("a program and its arguments"), "a program and its arguments", limit: 50),
                \.command,
                "Program and its arguments; it gets JSON on its standard input. Empty switches the channel off.",
                range: "`[/usr/local/bin/tell, --urgent]`", example: "[/usr/local/bin/tell, --urgent]",
                invalidExamples: ["[[a]]", "{ a: b }", "\"tell --urgent\""]),
            TemplateSettings.key(\.templates),
        ],
        finish: { settings, said in
            if let program = settings.command.first, program.contains(where: \.isWhitespace) {
                said.report(
                    .value, "has a space in the program's name; write a list: [program, argument]", at: "command")
            }
            if settings.command.contains(where: { $0.utf8.contains(0) }) {
                said.report(.value, "has a NUL in it, which no program can get", at: "command")
            }
            TemplateSettings.check(settings.templates, said)
        })

    package var isOn: Bool { !command.isEmpty }
    package var shown: String { command.first.map { Redaction.text($0) } ?? "" }

    package func deliver(_ notice: Notice, with means: DeliveryMeans) async -> Delivery {
        guard let name = command.first else { return .refused(because: "the channel is switched off") }
        let body = NoticeDocument.json(notice, NoticeText(notice, templates, form: WebhookChannel.form)).bytes
        guard let path = name.contains("/") ? name : Program.find(name) else {
            return .refused(because: "there is no program \(shown) in PATH")
        }
        let arguments = Array(command.dropFirst())
        do {
            let ended = try await withTimeout(means.limit) {
                try await Program.feed(
                    path, arguments, input: body + [0x0A], environment: ["STOKER_NOTICE_KEY": notice.key])
            }
            guard let ended else {
                let limit = Formatting.interval(means.limit)
                return .later(after: nil, because: "\(shown) was not done within \(limit) and was ended")
            }
            let words = Redaction.quote(ended.errors.isEmpty ? ended.output : ended.errors, limit: 200)
            let said = words.isEmpty ? "" : ": \(words)"
            switch ended.status {
            case 0: return .delivered(note: nil)
            case 75: return .later(after: nil, because: "\(shown) wants to be called later\(said)")
            default: return .refused(because: "\(shown) ended with status \(ended.status)\(said)")
            }
        } catch is CancellationError {
            return .later(after: nil, because: "Stoker was stopping")
        } catch {
            return .refused(because: (error as? Failure)?.because ?? "\(shown) could not be started")
        }
    }
}
