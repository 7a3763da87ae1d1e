import Ledger
import Notices
import StokerCore

extension Operation {
    package static let acknowledge = Operation(
        name: "acknowledge",
        summary:
            "Says that somebody has seen an incident: messages about it are not repeated or escalated. Of damage of the ledger: healing goes on then",
        doing: "acknowledge the incident", effect: .write, needsFleet: true, method: .post,
        path: "/incidents/{name}/acknowledge",
        parameters: [
            .incident,
            .by(.body),
            .init("text", .body, .text(upTo: IncidentRecords.mostText), "What is done about it"),
        ],
        answer: .overview
    ) { (context, arguments) throws(Failure) in
        let doing = "acknowledge the incident"
        let number = try incidentNumber(arguments.name(), doing: doing)
        // Of the ledger's own: the fleet monitor holds healing back because of it.
        let isOfLedger = try await context.monitor.overview().ledgerDamage.contains { $0.incident == number }
        let found = try await context.ledger.incident(number)
        if isOfLedger || found?.check == Incident.ofLedger {
            try await context.monitor.acknowledge(number)
        } else if let found {
            guard found.ended == nil else {
                throw Failure(
                    .conflict, doing: doing, because: "incident \(number) is over",
                    hint: "`stoker incidents note \(number) …` adds to its story")
            }
        } else {
            // Says which numbers wait.
            try await context.monitor.acknowledge(number)
        }
        try await IncidentRecords(context.ledger.records).acknowledge(
            number, by: arguments.text("by"), text: arguments.text("text"), at: context.now())
        if !isOfLedger, let found { try await context.noticeBoard?.acknowledged(found) }
        return try await context.monitor.overview().json
    }

    package static let withdrawAcknowledgement = Operation(
        name: "withdraw-acknowledgement",
        summary: "Takes an acknowledgement back: repeats and escalation begin again",
        doing: "take the acknowledgement back", effect: .write, needsFleet: true, method: .delete,
        path: "/incidents/{name}/acknowledge", parameters: [.incident], answer: .incidentDetail
    ) { (context, arguments) throws(Failure) in
        let doing = "take the acknowledgement back"
        let incident = try await context.incident(arguments.name(), doing: doing)
        guard incident.check != Incident.ofLedger else {
            throw Failure(
                .conflict, doing: doing, because: "acknowledged damage of the ledger is over",
                hint: "new damage is told as an incident of its own")
        }
        // Where nobody has acknowledged it, that is so already.
        _ = try await IncidentRecords(context.ledger.records).withdraw(incident.id)
        return try await context.detail(of: incident)
    }
}
