internal import Foundation
internal import StokerCore

/// A workflow for n8n: schedule, ask the master, look at its answer, else wake the critical Spaces.
///
/// Source of node types and parameters: n8n-io/n8n, packages/nodes-base/nodes (HttpRequest/V3/Description.ts, If/V2/IfV2.node.ts and its
/// test workflows, Schedule/ScheduleTrigger.node.ts, Code/Code.node.ts), read 2026-11-21. Of the versions only If 2.2 was confirmed there;
/// HTTP Request 4.2, Code 2 and Schedule Trigger 1.2 were seen in published workflows.
enum N8N {
    static func make(_ plan: WakePlan) throws(Failure) -> Export {
        let request: [String: Any] = [
            "options": [
                "timeout": 120_000,
                "response": ["response": ["fullResponse": true, "neverError": true]] as [String: Any],
                "redirect": ["redirect": ["followRedirects": true, "maxRedirects": 5] as [String: Any]],
            ] as [String: Any]
        ]
        var askMaster = request
        askMaster["url"] = plan.health
        var askSpace = request
        askSpace["url"] = "={{ $json.url }}"
        let list = plan.critical.map { "  { name: \(Quote.script($0.name)), url: \(Quote.script($0.address)) }" }
            .joined(separator: ",\n")
        let code =
            "// Spaces that must not wait for a silent master.\nconst spaces = [\n\(list)\n];\nreturn spaces.map((space) => ({ json: space }));\n"
        let guide =
            ([
                "## Keeps the Stoker master awake",
                "1. In n8n choose *Import from file* and take this file.",
                "2. Look at the address in *Ask the master*.",
                "3. Activate the workflow.",
                "The master is asked every \(plan.minutes) min. When it does not answer `{\"status\":\"alive\"}`, the Spaces in *Critical Spaces* are woken directly. No credentials are needed.",
            ] + plan.notes).joined(separator: "\n")
        let condition: [String: Any] = [
            "conditions": [
                "options": ["caseSensitive": true, "leftValue": "", "typeValidation": "loose", "version": 2]
                    as [String: Any],
                "conditions": [
                    [
                        "id": id("alive"),
                        "leftValue": "={{ $json.statusCode === 200 && $json.body && $json.body.status === 'alive' }}",
                        "rightValue": "",
                        "operator": ["type": "boolean", "operation": "true", "singleValue": true] as [String: Any],
                    ] as [String: Any]
                ],
                "combinator": "and",
            ] as [String: Any],
            // Read from version 2.1 on; without it a branch of another type than boolean would be an error.
            "looseTypeValidation": true,
            "options": [String: Any](),
        ]
        func node(_ name: String, _ type: String, _ version: Double, _ x: Int, _ y: Int, _ parameters: [String: Any])
            -> [String: Any]
        {
            [
                "id": id(name), "name": name, "type": "n8n-nodes-base.\(type)", "typeVersion": version,
                "position": [x, y],
                "parameters": parameters,
            ]
        }
        func retrying(_ node: [String: Any]) -> [String: Any] {
            var result = node
            result["retryOnFail"] = true
            result["maxTries"] = 3
            result["waitBetweenTries"] = 5_000
            // An address that cannot be reached goes on as an item without a status, which counts as silent.
            result["onError"] = "continueRegularOutput"
            return result
        }
        func link(_ name: String) -> [String: Any] { ["node": name, "type": "main", "index": 0] }
        let workflow: [String: Any] = [
            "name": "Keep the Stoker master awake",
            "nodes": [
                node("Read me", "stickyNote", 1, -120, -320, ["content": guide, "width": 620, "height": 280]),
                node(
                    "Every \(plan.minutes) minutes", "scheduleTrigger", 1.2, 0, 0,
                    ["rule": ["interval": [["field": "minutes", "minutesInterval": plan.minutes] as [String: Any]]]]),
                retrying(node("Ask the master", "httpRequest", 4.2, 220, 0, askMaster)),
                node("Is it alive?", "if", 2.2, 440, 0, condition),
                node("All well", "noOp", 1, 660, -100, [:]),
                node("Critical Spaces", "code", 2, 660, 100, ["mode": "runOnceForAllItems", "jsCode": code]),
                retrying(node("Wake the Space", "httpRequest", 4.2, 880, 100, askSpace)),
            ],
            "connections": [
                "Every \(plan.minutes) minutes": ["main": [[link("Ask the master")]]],
                "Ask the master": ["main": [[link("Is it alive?")]]],
                "Is it alive?": ["main": [[link("All well")], [link("Critical Spaces")]]],
                "Critical Spaces": ["main": [[link("Wake the Space")]]],
            ] as [String: Any],
            "settings": ["executionOrder": "v1", "saveDataSuccessExecution": "none"], "active": false,
            "pinData": [String: Any](), "meta": ["templateCredsSetupCompleted": true],
        ]
        do {
            let data = try JSONSerialization.data(
                withJSONObject: workflow, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
            return Export(
                content: String(decoding: data, as: UTF8.self) + "\n",
                instructions: [
                    "In n8n choose \"Import from file\", look at the address in \"Ask the master\", and activate it."
                ] + plan.notes)
        } catch {
            throw Failure(.internal, doing: "write the n8n workflow", because: "it is not JSON", cause: error)
        }
    }

    /// A stable id in the form of a UUID, so that two exports of one fleet are equal.
    private static func id(_ name: String) -> String {
        let digits = Array(
            Hex.text(FNV1a.hash(name.utf8)) + Hex.text(FNV1a.hash(name.utf8, basis: 0x9AE1_6A3B_2F90_404F)))
        let parts = [digits[0..<8], digits[8..<12], ["4"] + digits[13..<16], ["a"] + digits[17..<20], digits[20..<32]]
        return parts.map { String($0) }.joined(separator: "-")
    }
}
