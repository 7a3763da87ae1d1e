import ArgumentParser
import Foundation
import Operations
import Runtime
import StokerCore

/// `NAME=VALUE` words as the inputs of an operation. Whether a value fits is the operation's own check.
enum CallInputs {
    /// Largest file that is read for one input; bytes.
    static let fileLimit = 64 << 20

    /// - Throws: `usage` for a word that is no input, broken JSON, or a secret on the command line; `file.unreadable`.
    static func read(
        _ words: [String], of operation: Operations.Operation
    ) throws(Failure) -> [(name: String, value: JSONValue)] {
        var given: [(name: String, value: JSONValue)] = []
        for (index, word) in words.enumerated() {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let parameter = operation.parameters.first { $0.name == parts[0] }
            guard parts.count == 2 else {
                // Who forgets the name may have written a secret.
                guard let parameter, parameter.kind == .flag else {
                    throw Failure(
                        .usage, doing: operation.doing, because: "input \(index + 1) is not NAME=VALUE",
                        hint: "`stoker call \(operation.name) --help` shows its inputs")
                }
                given.append((parameter.name, true))
                continue
            }
            // An unknown name is told by the operation's own check, with the nearest one.
            guard let parameter else {
                given.append((parts[0], ""))
                continue
            }
            given.append((parameter.name, try value(parts[1], of: parameter, operation)))
        }
        return given
    }

    private static func value(
        _ text: String, of parameter: Operations.Operation.Parameter, _ operation: Operations.Operation
    ) throws(Failure) -> JSONValue {
        let isFile = text.hasPrefix("@") && !text.hasPrefix("@@")
        guard isFile || !parameter.kind.holdsSecret else {
            throw Failure(
                .usage, doing: operation.doing,
                because: "\"\(parameter.name)\" holds a secret, and every user of this machine sees a command line",
                hint: "write \(parameter.name)=@FILE, or \(parameter.name)=@- and give it on standard input")
        }
        let literal = text.hasPrefix("@@") ? String(text.dropFirst()) : text
        if case .bytes = parameter.kind {
            let data = isFile ? try contents(String(text.dropFirst()), operation) : Data(literal.utf8)
            return .string(data.base64EncodedString())
        }
        var value = literal
        if isFile {
            guard let read = String(validating: try contents(String(text.dropFirst()), operation), as: UTF8.self) else {
                throw Failure(
                    .usage, doing: operation.doing, because: "the file of \"\(parameter.name)\" is not UTF-8 text")
            }
            value = read
            // An editor ends a file with a line's end that belongs to no secret, name or number.
            if parameter.kind.isOneLine, value.hasSuffix("\n") { value.removeLast() }
        }
        guard parameter.kind.isJSON(value) else { return .string(value) }
        do { return try JSONValue(reading: value) } catch {
            throw Failure(
                .usage, doing: operation.doing, because: "\"\(parameter.name)\" is not JSON: \(error)",
                hint: "expected \(parameter.kind.expectation)")
        }
    }

    private static func contents(_ path: String, _ operation: Operations.Operation) throws(Failure) -> Data {
        do {
            return path == "-"
                ? try FileHandle.standardInput.read(upToCount: fileLimit) ?? Data()
                : try PlainFile.read(path, upTo: fileLimit)
        } catch {
            throw Failure(
                .fileUnreadable, doing: operation.doing, because: "\(path.printable) cannot be read",
                hint: "name a regular file that this user may read", cause: error)
        }
    }

    /// For the shell: the inputs of the operation that the line names.
    static func completions(_ words: [String]) -> [String] {
        let operation = words.lazy.compactMap { Operations.Operation.named($0) }.first
        return operation?.parameters.map { "\($0.name)=" } ?? []
    }
}

extension Operations.Operation.Parameter.Kind {
    fileprivate var holdsSecret: Bool {
        switch self {
        case .secret: true
        case .list(let item, _): item.holdsSecret
        case .object(let members): members.contains { $0.kind.holdsSecret }
        default: false
        }
    }

    /// A list may be one item as well.
    fileprivate func isJSON(_ text: String) -> Bool {
        switch self {
        case .object: true
        case .list(.object, _): true
        case .list: text.hasPrefix("[")
        default: false
        }
    }

    /// Long texts keep their last line's end.
    fileprivate var isOneLine: Bool {
        switch self {
        case .text(let limit): limit <= 1_000
        default: true
        }
    }
}
