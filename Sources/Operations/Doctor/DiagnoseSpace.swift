import Deployment
import Diagnosis
import HubClient
import Ledger
import StokerCore
import Synchronization

extension Operation {
    package static let doctor = Operation(
        name: "doctor",
        summary:
            "Finds out why a Space fails: its stage, logs, answer and settings, by the rules. Changes and wakes nothing",
        doing: "find out what ails the Space", permission: .write, path: "/spaces/{owner}/{name}/doctor",
        parameters: Parameter.space + [
            .init(
                "lines", .query, .integer(1...100_000), defaultValue: 5_000, "Only the last so many lines of each log")
        ], answer: .diagnosis
    ) { context, arguments in
        let (hub, id) = try await context.space(arguments)
        return try await SpaceExamination(hub: hub, id: id, lines: arguments.integer("lines") ?? 5_000).run(context)
    }

    /// Largest log that is taken in a call; bytes.
    package static let logLimit = 16 * 1024 * 1024

    package static let diagnoseLog = Operation(
        name: "diagnose-log", summary: "Finds out from a log alone why an app or its build failed",
        doing: "read the log", permission: .write, method: .post, path: "/doctor/log",
        parameters: [
            .init("log", .body, .text(upTo: logLimit), required: true, "The log"),
            .init("kind", .body, .choice(["run", "build"]), required: true, "What wrote it: the app, or the build"),
            .init("name", .body, .text(upTo: 1_000), defaultValue: "log", "What it is called in the answer"),
            .init("space", .body, .text(upTo: 200), "The Space it is of, for the commands in the answer"),
            .init("stage", .body, .text(upTo: 40), "What the Hub says that the Space does, such as RUNTIME_ERROR"),
            .init("message", .body, .text(upTo: 20_000), "The Hub's message of a failed Space"),
            .init("app_port", .body, .integer(1...65_535), defaultValue: 7_860, "The port that visitors are sent to"),
        ], bodyLimit: logLimit * 2, answer: .diagnosis
    ) { context, arguments in
        let isBuild = arguments.name("kind") == "build"
        let text = arguments.name("log")
        let log = await LogText.cut(text)
        let evidence = DoctorEvidence(
            state: Evidence(
                stage: arguments.text("stage").map { SpaceStage(rawValue: $0.uppercased()) },
                message: arguments.text("message")),
            runLog: isBuild ? nil : log, buildLog: isBuild ? log : nil, appPort: arguments.integer("app_port"))
        return await DoctorReport.make(evidence, context.settingsFleet()?[DoctorSection.section] ?? DoctorSettings())
            .json(
                subject: arguments.name(), space: arguments.text("space"),
                lookedAt: ["\(isBuild ? "build" : "run") log, \(log.count) lines"])
    }
}

extension OperationContext {
    /// The fleet whose settings hold: the running one, else that of the command's own file.
    fileprivate func settingsFleet() async -> Fleet? {
        guard let monitor = try? monitor else { return fileFleet }  // a command has none
        return await monitor.fleet()
    }
}

extension DoctorReport {
    /// Off the caller's executor: a long log takes some tenths of a second.
    @concurrent static func make(_ evidence: DoctorEvidence, _ settings: DoctorSettings) async -> DoctorReport {
        settings.doctor.diagnose(evidence)
    }
}

extension LogText {
    /// Off the caller's executor, as above.
    @concurrent fileprivate static func cut(_ text: String) async -> LogText { LogText(text) }
}

/// Looks at everything that may tell why a Space fails.
struct SpaceExamination: Sendable {
    let hub: Hub
    let id: RepoID
    let lines: Int

    func run(_ context: OperationContext) async throws -> JSONValue {
        var lookedAt: [String] = []
        var notSeen: [String] = []
        context.tell(.init("runtime", "asking the Hub what \(id) does"))
        let runtime = try await hub.runtime(of: id)
        let stage = runtime.stage
        lookedAt.append("stage \(stage)")
        var evidence = DoctorEvidence(state: runtime.evidence, abuseReason: runtime.abuse?.reason)
        if let detector = runtime.abuse?.detector {
            evidence.abuseReason = [detector, runtime.abuse?.reason ?? ""].joined(separator: "\n")
        }

        // What another build or container wrote tells nothing of this failure.
        let isOfBuild = stage.isBuilding || stage == .buildError || stage == .configError || stage == .noAppFile
        if !runtime.isStatic, stage != .paused || runtime.errorMessage != nil {
            let kind: SpaceLogKind = isOfBuild && !stage.isServing ? .build : .run
            context.tell(.init("logs", "reading the \(kind.rawValue) log of \(id)"))
            do {
                let log = try await log(kind)
                lookedAt.append("\(kind.rawValue) log, \(log.count) lines")
                if kind == .build { evidence.buildLog = log } else { evidence.runLog = log }
            } catch let failure as HubFailure {
                notSeen.append("\(kind.rawValue) log: \(failure.failure.because)")
            }
        }
        do {
            let readme = try await hub.text(of: "README.md", in: id)
            lookedAt.append("README.md")
            evidence.appPort = ReadmeHeader(readme).appPort
        } catch {
            notSeen.append("README.md: \(error.failure.because)")
        }
        do {
            evidence.secrets = Set(try await hub.secrets(of: id).map(\.key))
            evidence.variables = Set(try await hub.variables(of: id).map(\.key))
            lookedAt.append("names of secrets and variables")
        } catch {
            notSeen.append("secrets and variables: \(error.failure.because)")
        }
        // A visit to one that sleeps would wake it.
        if stage.isServing || stage == .runtimeError {
            context.tell(.init("visiting", "visiting \(id)"))
            do {
                let visit = try await SpaceVisit.make(
                    id, path: "/", runtime: runtime, hub: hub, timeout: .seconds(15))
                lookedAt.append("answer of the app: \(visit.sentence)")
                if let result = visit.result, !visit.isGood {
                    if stage.isServing { evidence.state.cause = result.cause }
                    evidence.visit = .init(
                        status: Int(result.code), isOfApp: result.cause == .status, text: result.detail)
                }
            } catch let failure as HubFailure {
                notSeen.append("the app: \(failure.failure.because)")
            }
        }
        let fleet = await context.settingsFleet()
        var platform: [PlatformReport] = []
        let page = (fleet?.hub ?? Fleet.Hub(endpoint: hub.settings.endpoint)).statusPageAddress
        if let page {
            context.tell(.init("platform", "reading the platform's status page"))
            do {
                platform = try await hub.reports(onStatusPage: page, now: context.now(), within: .seconds(5))
                lookedAt.append("the platform's status page")
            } catch { notSeen.append("the platform's status page: \(error.failure.because)") }
        }
        var done: [Action] = []
        do throws(Failure) {
            done = try await context.recentActions(on: "\(id)", since: context.now() - .seconds(86_400))
        } catch { notSeen.append("what was done to it: \(error.because)") }
        return await DoctorReport.make(evidence, fleet?[DoctorSection.section] ?? DoctorSettings())
            .json(
                subject: "\(id)", space: "\(id)", lookedAt: lookedAt, notSeen: notSeen, platform: platform, done: done)
    }

    private func log(_ kind: SpaceLogKind) async throws -> LogText {
        let kept = Mutex<[String]>([])
        try await hub.drainLog(kind, of: id, tail: lines) { line in
            kept.withLock { $0.append(line.plainText) }
        }
        let all = kept.withLock { $0 }
        return LogText(lines: all)
    }
}
