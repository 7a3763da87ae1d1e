import Operations
import StokerCore

extension Tool {
    /// Every tool, in the order clients see them.
    /// - Parameters:
    ///   - isLocal: folders of the client's disk can be named.
    ///   - environment: values of the server's environment that may become secrets; see ``EnvironmentSecrets``.
    static func all(isLocal: Bool, secrets: EnvironmentSecrets) -> [Tool] {
        fleet + spaces(isLocal: isLocal) + environment(secrets) + ending + deploying + keeping(isLocal: isLocal)
            + working
    }

    // MARK: The fleet

    private static var fleet: [Tool] {
        [
            Tool(
                name: "fleet_status", title: "Fleet status",
                about:
                    "What is believed about every check of the monitored fleet, trouble first: verdict, why, since when. Start here for \"is something down\"",
                operation: .listChecks,
                inputs: [
                    .of(.listChecks, "q", as: "query"), .of(.listChecks, "verdict"), .of(.listChecks, "group"),
                    ToolInput(
                        name: "limit",
                        schema: [
                            "type": "integer", "minimum": 1, "maximum": 100, "default": 20,
                            "description": "Checks shown",
                        ],
                        give: { (value) throws(Failure) in
                            guard let count = value.integer ?? value.string.flatMap({ Int($0) }),
                                (1...100).contains(count)
                            else { throw ToolInput.wrong("limit", "a whole number from 1 to 100") }
                            return [("limit", .integer(Int64(count)))]
                        }), .of(.listChecks, "offset"),
                ],
                foreign: ["checks"], dropped: ["items", "limit"],
                added: [
                    .init("sentence", .text, "The state of the fleet in one sentence"),
                    .init("counts", .table(.integer), "Checks per verdict"),
                    .init("checks", .list(.table(.any)), "Trouble first"),
                ],
                run: FleetStatus.run, isKept: true),
            Tool(
                name: "check_history", title: "History of a check",
                about:
                    "Uptime, the incident that lasts, and equal spans of one check's history. Names are those of fleet_status",
                operation: .checkSeries,
                inputs: [
                    .of(.checkSeries, "name", as: "check", about: "Name of the check"), .of(.checkSeries, "from"),
                    .of(.checkSeries, "to"),
                    .of(.checkSeries, "buckets", defaultValue: 24),
                ],
                foreign: ["sentence", "incident"],
                added: [
                    .init("sentence", .text, "What is believed now"), .init("verdict", .text, "In one word"),
                    .init("uptime", .table(.any), optional: true, "By span"),
                    .init("incident", .table(.any), optional: true, "The one that lasts"),
                ],
                next: { answer, _ in
                    answer["incident"]?.isNull != false
                        ? [] : (answer["space"]?.string).map { ["Call diagnose_space with space_id \"\($0)\"."] } ?? []
                },
                run: { (run) throws(Failure) in
                    let series = try await run.perform(.checkSeries, run.given)
                    let check = try await run.perform(.showCheck, run.given.filter { $0.name == "name" })
                    let names = ["sentence", "verdict", "since", "space", "uptime", "incident"]
                    return series.adding(names.compactMap { name in check[name].map { .init(name, $0) } })
                }, fixed: [("buckets", 24)]),
        ]
    }

    // MARK: Spaces

    private static func spaces(isLocal: Bool) -> [Tool] {
        [
            Tool(
                name: "get_space_runtime", title: "What a Space does",
                about:
                    "The Hub's word about a Space: state (RUNNING, BUILDING, SLEEPING …), error, hardware. Wakes nothing",
                operation: .spaceRuntime, inputs: [], foreign: ["error"], dropped: ["raw"], added: [state],
                shaped: withState, next: NextSteps.runtime),
            Tool(
                name: "get_space_logs", title: "Logs of a Space",
                about: "The last lines of a Space's run or build log",
                operation: .spaceLogs,
                inputs: [
                    .of(.spaceLogs, "log"),
                    ToolInput(
                        name: "lines",
                        schema: [
                            "type": "integer", "minimum": 1, "maximum": 1_000, "default": 100,
                            "description": "Only the last so many",
                        ],
                        give: { (value) throws(Failure) in
                            guard let count = value.integer ?? value.string.flatMap({ Int($0) }), count > 0 else {
                                throw ToolInput.wrong("lines", "a whole number from 1 to 1000")
                            }
                            return [("lines", .integer(Int64(min(count, 1_000))))]
                        }),
                ],
                foreign: ["lines"], added: [.init("lines", .list(.text), "In order, each with its time")],
                shaped: { answer in
                    .object(
                        (answer.members ?? []).map { member in
                            guard member.name == "lines" else { return member }
                            return .init("lines", .array((member.value.array ?? []).map(logLine)))
                        })
                },
                next: { _, space in ["For a cause with its proof, call diagnose_space with space_id \"\(space)\"."] },
                fixed: [("lines", 100)]),
            Tool(
                name: "wait_for_space_ready", title: "Wait for a Space",
                about:
                    "Waits until the Space runs its newest commit and its app answers; wakes a sleeping one. Answers within 50 s: when it is not ready by then, call again",
                operation: .waitForSpace,
                inputs: [
                    .seconds(
                        "timeout", to: "timeout", 1...3_600, defaultValue: 48, most: 48,
                        "Seconds to wait at most; one call waits 48 s"),
                    .seconds("poll_interval", to: "every", 1...60, defaultValue: 3, "Seconds between looks"),
                    .of(.waitForSpace, "commit"),
                ],
                foreign: ["app"], shaped: { stated($0, from: $0["stage"]) }, next: NextSteps.wait,
                fixed: [("timeout", "48s"), ("every", "3s")]),
            Tool(
                name: "check_space_health", title: "Health of a Space",
                about:
                    "Visits the app and says whether it answers well, with status code and response time. A visit wakes a sleeping Space",
                operation: .spaceHealth,
                inputs: [
                    .of(.spaceHealth, "path"), .of(.spaceHealth, "no_wake"),
                    .seconds("timeout", to: "timeout", 1...50, defaultValue: 30, "Seconds for the visit"),
                ],
                foreign: ["app"], shaped: health, next: NextSteps.health, fixed: [("timeout", "30s")]),
            Tool(
                name: "diagnose_space", title: "Why a Space fails",
                about:
                    "Finds out from stage, logs, answer and settings why a Space fails: causes with their proof and what to do. Changes and wakes nothing",
                operation: .doctor, inputs: [], foreign: ["causes", "unexplained", "done"],
                next: NextSteps.diagnosis),
            Tool(
                name: "create_space", title: "Create a Space",
                about: "Creates a Space. Free hardware is created at once; paid hardware comes back as a plan first",
                operation: .createSpace,
                inputs: [.of(.createSpace, "sdk")] + making + [
                    .of(.createSpace, "description"), .of(.createSpace, "template"),
                ],
                next: { _, space in
                    [
                        "Call upload_space with the app's files.",
                        "Then call wait_for_space_ready with space_id \"\(space)\".",
                    ]
                }),
            Tool(
                name: "duplicate_space", title: "Copy a Space",
                about: "Copies a Space with its files and variables; secrets are not copied",
                operation: .duplicateSpace,
                inputs: [.of(.duplicateSpace, "to", about: "The copy, as owner/name")] + making,
                next: { answer, _ in
                    let copy = answer["space"]?.string ?? ""
                    let left = (answer["secrets_left"]?.array ?? []).compactMap(\.string)
                    return
                        (left.isEmpty
                        ? []
                        : [
                            "Set the secrets \(left.joined(separator: ", ")) with set_space_secrets; they were not copied."
                        ])
                        + ["Call wait_for_space_ready with space_id \"\(copy)\"."]
                }),
            Tool(
                name: "upload_space", title: "Upload to a Space",
                about:
                    "Puts \(isLocal ? "a folder" : "files") into a Space in one commit; the app is built anew. Files that look secret stay behind. Deleting comes back as a plan first",
                operation: .uploadSpace,
                inputs: (isLocal
                    ? [
                        ToolInput.of(.uploadSpace, "folder", about: "Folder or file of this machine")
                    ] : []) + [
                        files, .of(.uploadSpace, "into"), .of(.uploadSpace, "message"), .of(.uploadSpace, "exclude"),
                        .of(.uploadSpace, "delete"), .of(.uploadSpace, "create_pr"),
                    ],
                next: { _, space in ["Call wait_for_space_ready with space_id \"\(space)\"."] }),
            Tool(
                name: "restart_space", title: "Restart a Space",
                about: "Restarts a Space; what it has in memory and on its disk is lost",
                operation: .restartSpace, inputs: [.of(.restartSpace, "factory")], foreign: ["error"], dropped: ["raw"],
                shaped: withState,
                next: { _, space in ["Call wait_for_space_ready with space_id \"\(space)\"."] }),
            Tool(
                name: "pause_space", title: "Pause a Space",
                about: "Stops a Space until it is restarted; visits do not wake it",
                operation: .pauseSpace, inputs: [], foreign: ["error"], dropped: ["raw"], shaped: withState,
                next: { _, space in ["restart_space with space_id \"\(space)\" starts it again."] }),
            Tool(
                name: "set_space_hardware", title: "Choose hardware",
                about:
                    "Runs a Space on other hardware; it restarts. Paid hardware comes back as a plan with its price first",
                operation: .setHardware,
                inputs: [
                    .of(.setHardware, "flavor", as: "hardware", about: "cpu-basic, t4-small … as the Hub names it"),
                    .of(.setHardware, "sleep_time"),
                ],
                foreign: ["error"], dropped: ["raw"], shaped: withState,
                next: { _, space in ["Call wait_for_space_ready with space_id \"\(space)\"."] }),
        ]
    }

    private static let making: [ToolInput] = [
        .of(.createSpace, "hardware"), .isPrivate, .of(.createSpace, "sleep_time"),
        .environment("secrets", to: "secrets", "Names and values of secrets; never shown again"),
        .environment("variables", to: "variables", "Names and values that everybody who sees it sees"),
        .of(.createSpace, "exist_ok"),
    ]

    /// Texts are what agents write; what is none comes as base64.
    private static let files = ToolInput(
        name: "files",
        schema: [
            "type": "array",
            "items": [
                "type": "object",
                "properties": [
                    "path": ["type": "string"], "text": ["type": "string"],
                    "content": ["type": "string", "description": "In place of text: base64"],
                ], "required": ["path"],
            ], "description": "Files with their contents",
        ],
        give: { (value) throws(Failure) in
            guard let files = value.array else { throw ToolInput.wrong("files", "a list") }
            var given: [JSONValue] = []
            for file in files {
                guard let path = file["path"]?.string else {
                    throw ToolInput.wrong("files", "a list of files, each with its path")
                }
                guard let content = file["content"]?.string ?? file["text"]?.string.map({ Base64.text($0.utf8) })
                else { throw ToolInput.wrong("files", "a list of files, each with \"text\" or \"content\"") }
                given.append(["path": .string(path), "content": .string(content)])
            }
            return [("files", .array(given))]
        })

    // MARK: Environment

    private static func environment(_ secrets: EnvironmentSecrets) -> [Tool] {
        [
            Tool(
                name: "set_space_secrets", title: "Set secrets",
                about:
                    "Sets secrets of a Space in one restart; unchanged ones are skipped. Prefer from_environment: then no value passes through the conversation",
                operation: .setSecrets,
                inputs: [
                    .environment("secrets", to: "values", "Names and values"),
                    ToolInput(
                        name: "from_environment",
                        schema: [
                            "type": "array", "items": ["type": "string"],
                            "description":
                                "Names whose values the server takes from its own environment, of those that its owner allowed",
                        ],
                        give: { (value) throws(Failure) in
                            guard let names = value.array?.map(\.string), !names.contains(nil) else {
                                throw ToolInput.wrong("from_environment", "a list of names")
                            }
                            return [("values", .array(try secrets.values(names.compactMap { $0 })))]
                        }), .of(.setSecrets, "dry_run"),
                ],
                next: NextSteps.environment),
            Tool(
                name: "set_space_variables", title: "Set variables",
                about:
                    "Sets variables of a Space in one restart; unchanged ones are skipped. Everybody who sees the Space reads them",
                operation: .setVariables,
                inputs: [
                    .environment("variables", to: "values", "Names and values", required: true),
                    .of(.setVariables, "dry_run"),
                ],
                next: NextSteps.environment),
        ]
    }

    private static var ending: [Tool] {
        [
            Tool(
                name: "delete_space", title: "Delete a Space",
                about: "Deletes a Space for good. Comes back as a plan first",
                operation: .deleteSpace, inputs: [.of(.deleteSpace, "missing_ok")])
        ]
    }

    // MARK: Fleet as code

    private static var deploying: [Tool] {
        let names = ToolInput.of(.plan, "names", about: "Spaces of the fleet file; all unless given")
        return [
            Tool(
                name: "plan", title: "Plan a deployment",
                about:
                    "Shows what differs between `deploy:` of the fleet file and the Hub, and changes nothing. Its plan_id is for apply with the same names",
                operation: .plan, inputs: [names], foreign: ["spaces"],
                added: [.init("plan_id", .text, "For apply; absent when there is nothing to do")],
                run: Deploying.plan),
            Tool(
                name: "apply", title: "Apply a plan",
                about:
                    "Makes the Hub as the fleet file says, in waves, and goes back where a Space does not come up. Without a plan_id it returns the plan",
                operation: .apply,
                inputs: [names, .of(.apply, "rollback_on_failure"), .of(.apply, "allow_destroy")], foreign: ["spaces"],
                run: Deploying.apply),
            Tool(
                name: "drift", title: "Look for drift",
                about: "Shows what is otherwise on the Hub than the fleet file says. Only reads",
                operation: .drift, inputs: [names, .of(.drift, "except")], foreign: ["spaces"],
                next: { answer, _ in
                    answer["drifted"]?.bool == true ? ["Call plan to see what would bring it back."] : []
                }),
        ]
    }

    // MARK: Snapshots and workers

    private static func keeping(isLocal: Bool) -> [Tool] {
        func place(_ operation: Operation) -> [ToolInput] {
            // A server opens no place that a request names; its own is in its environment.
            isLocal
                ? [.of(operation, "vault"), .of(operation, "state")] : [.of(operation, "space"), .of(operation, "in")]
        }
        let snapshots = Tool(
            name: "snapshots", title: "Snapshots",
            about: "Lists the snapshots of a vault with their times and sizes, and who holds it",
            operation: .listSnapshots, inputs: place(.listSnapshots), foreign: ["snapshots", "held", "strays"],
            next: { answer, _ in
                guard isLocal, answer["snapshots"]?.array?.isEmpty == false else { return [] }
                return ["restore writes one into a new folder; it changes nothing of the app."]
            })
        guard isLocal else { return [snapshots] }
        return [
            snapshots,
            Tool(
                name: "restore", title: "Restore a snapshot",
                about:
                    "Writes a snapshot into a new or empty folder of this machine; every hash is checked, and the folder is whole or not there",
                operation: .restoreSnapshot,
                inputs: [
                    .of(.restoreSnapshot, "id", as: "snapshot"), .of(.restoreSnapshot, "folder"),
                    .of(.restoreSnapshot, "only"),
                ] + place(.restoreSnapshot)),
        ]
    }

    private static var working: [Tool] {
        [
            Tool(
                name: "worker_results", title: "Results of workers",
                about: "Findings of the fleet's workers or of a dataset that one writes, the most important first",
                operation: .listFindings,
                inputs: [
                    .of(.listFindings, "dataset"), .of(.listFindings, "worker"), .of(.listFindings, "severity"),
                    .of(.listFindings, "limit", defaultValue: 20),
                ],
                foreign: ["items"], fixed: [("limit", 20)])
        ]
    }

    // MARK: Answers

    private static let state = Shape.Field("state", .text, "The stage, such as RUNNING")

    private static let withState: @Sendable (JSONValue) -> JSONValue = { stated($0, from: $0["stage"]) }

    private static func stated(_ answer: JSONValue, from stage: JSONValue?) -> JSONValue {
        .object([.init("state", stage ?? .null)] + (answer.members ?? []))
    }

    /// A line as text: agents read them as they stand.
    private static func logLine(_ line: JSONValue) -> JSONValue {
        let text = Redaction.text(line["text"]?.string ?? "")
        return .string((line["at"]?.string).map { "\($0) \(text)" } ?? text)
    }

    private static func health(_ answer: JSONValue) -> JSONValue {
        let (runtime, app) = (answer["runtime"], answer["app"])
        let isHealthy = answer["healthy"]?.bool == true
        var members: [JSONValue.Member] = [
            .init("status", .string(app?.isNull != false ? "not visited" : isHealthy ? "healthy" : "unhealthy")),
            .init("state", runtime?["stage"] ?? .null), .init("status_code", app?["status_code"] ?? .null),
            .init("response_time_ms", app?["latency_ms"] ?? .null),
        ]
        members += (answer.members ?? []).filter { $0.name != "runtime" && $0.name != "next" }
        if let advice = answer["next"]?.string { members.append(.init("advice", .string(advice))) }
        return .object(members)
    }
}
