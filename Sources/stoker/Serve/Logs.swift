import CommandLine
import Foundation
import Logging
import StokerCore

enum Logs {
    /// Sets up logging for the whole process; called once.
    static func bootstrap(format: LogFormat, level: Logger.Level) {
        LoggingSystem.bootstrap { label in
            switch format {
            case .text:
                var handler = StreamLogHandler.standardError(label: label)
                handler.logLevel = level
                return RedactedLog(inner: handler)
            case .json:
                return RedactedLog(inner: JSONLogHandler(label: label, level: level))
            }
        }
    }
}

/// Keeps secrets out of every line, whoever wrote it: libraries log too.
struct RedactedLog: LogHandler {
    var inner: any LogHandler

    var logLevel: Logger.Level {
        get { inner.logLevel }
        set { inner.logLevel = newValue }
    }
    var metadata: Logger.Metadata {
        get { inner.metadata }
        set { inner.metadata = newValue }
    }
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { inner[metadataKey: key] }
        set { inner[metadataKey: key] = newValue }
    }

    func log(event: LogEvent) {
        var event = event
        event.message = .init(stringLiteral: Redaction.text(event.message.description))
        event.metadata = event.metadata?.mapValues { .string(Redaction.text($0.description)) }
        inner.log(event: event)
    }
}

/// One JSON object a line: `time`, `level`, `logger`, `message`, then the metadata under `fields`.
struct JSONLogHandler: LogHandler {
    let label: String
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]

    init(label: String, level: Logger.Level) {
        self.label = label
        self.logLevel = level
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    private struct Line: Encodable {
        var time: String
        var level: String
        var logger: String
        var message: String
        var fields: [String: String]
    }

    func log(event: LogEvent) {
        let merged = metadata.merging(event.metadata ?? [:]) { _, new in new }
        let line = Line(
            time: Instant(seconds: Date().timeIntervalSince1970).description,
            level: event.level.rawValue,
            logger: label, message: event.message.description, fields: merged.mapValues(\.description))
        // Strings always encode.
        guard var data = try? JSONEncoder.stable.encode(line) else { return }
        data.append(UInt8(ascii: "\n"))
        // A full disk or a reader that is gone must not end the program, and there is nobody left to tell.
        try? FileHandle.standardError.write(contentsOf: data)
    }
}
