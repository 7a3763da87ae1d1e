import Operations
import StokerCore

/// What `stoker call OPERATION --help` shows: the declaration of an operation, for people and as JSON.
enum OperationHelp {
    static func output(of operation: Operations.Operation, _ screen: Terminal) -> CommandOutput {
        let inputs = operation.parameters.filter { $0.name != Operations.Operation.Parameter.confirmName }
        var text = "\(screen.paint(operation.name, .bold)): \(operation.summary).\n\n"
        text += "  effect     \(effect(operation))\n"
        text += "  over HTTP  \(operation.method.rawValue) /api/v1\(operation.path)\n"
        if !inputs.isEmpty {
            text += "\n\(screen.paint("INPUTS", .bold))\n"
            for input in inputs {
                let defaultValue = input.defaultValue.map { ", default \($0.string ?? $0.text)" } ?? ""
                text += "  \(input.name)\(input.required ? " (required)" : "")\n"
                text += "      \(input.summary).\n"
                text += screen.paint("      \(input.kind.expectation)\(defaultValue)\n", .dim)
            }
        }
        text += "\n\(screen.paint("ANSWER", .bold))  \(operation.answer.summary)\n"
        let table = TextTable(
            columns: [
                .init(title: "FIELD"), .init(title: "TYPE", shrinksTo: 30), .init(title: "MEANING", shrinksTo: 30),
            ],
            rows: operation.answer.fields.map { [.init($0.name), .init(word($0.type)), .init($0.summary)] }, indent: 2)
        text += table.text(for: screen.look)
        return CommandOutput(
            json: [
                "name": .string(operation.name), "summary": .string(operation.summary),
                "effect": .string(operation.effect.rawValue), "needs_fleet": .bool(operation.needsFleet),
                "asks": .bool(operation.asks), "input_schema": operation.inputSchema,
                "answer_schema": operation.answer.schema,
            ], text: text)
    }

    private static func effect(_ operation: Operations.Operation) -> String {
        let words =
            switch operation.effect {
            case .read: "changes nothing"
            case .write: "changes something that can be changed back"
            case .destructive: "may destroy something for good"
            case .paid: "may cost money"
            }
        return words + (operation.asks ? "; asks before it does, --yes answers" : "")
            + (operation.needsFleet ? "; needs a running Stoker" : "")
    }

    private static func word(_ type: Shape.FieldType) -> String {
        switch type {
        case .shape(let shape): shape.name
        case .list(let inner): "list of \(word(inner))"
        case .table(let inner): "object of \(word(inner))"
        case .choice(let choices): choices.joined(separator: ", ")
        default: type.word
        }
    }
}
