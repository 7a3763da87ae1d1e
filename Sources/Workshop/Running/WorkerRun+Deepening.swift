import Foundation
import Runtime
import StokerCore

/// What a worker does with a commit of which reading has told everything: it runs the tests and sees which lines they run, then changes lines
/// and sees which changes they do not notice. What needs more than one look goes on where it was.
extension WorkerRun {
    /// One look tries changes for so long; seconds.
    static let mutantSeconds = 150
    /// Functions whose lines are changed at one commit.
    static let mutantFunctions = 20
    /// Files whose functions are measured.
    static let measuredFiles = 16

    typealias Made = (row: Int?, perspective: String, hasNews: Bool)

    /// The next depth that a perspective asks for; nil, and complete, when all are done.
    func deepen(
        _ record: inout WorkerRecord, _ version: inout Int64, _ mirror: GitMirror, _ head: GitMirror.Head,
        _ book: FindingBook
    ) async throws -> Made? {
        var deep = record.deep ?? .init()
        if deep.head != head.commit {
            let said = deep.said
            deep = .init()
            deep.head = head.commit
            deep.said = said
        }
        for depth in EvidenceRule.Depth.allCases where depth != .reading && !deep.done.contains(depth.rawValue) {
            guard settings.tools?.contains(.pytest) ?? true,
                let perspective = perspectives.first(where: { $0.asks(for: depth) })
            else { continue }
            record.deep = deep
            let scratch = try Self.jailScratch()
            defer { try? FileManager.default.removeItem(atPath: scratch) }  // in the temporary folder anyway
            let context = try await context(mirror, head, scratch, record.firstNames)
            switch depth {
            case .reading: continue
            case .coverage: return try await measure(perspective, context, book, &record, &version)
            case .mutants: return try await mutate(perspective, context, book, &record, &version)
            }
        }
        record.deep = deep
        if let made = try await askModel(&record, &version, findings: book.open, mirror, head) { return made }
        try await rest(&record, &version, head)
        return nil
    }

    /// Not in the data folder: that is its owner's alone, and the jail's user has to go through to its own.
    static func jailScratch() throws -> String {
        let scratch = NSTemporaryDirectory() + "/stoker-jail-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: scratch, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o711])
        return scratch
    }

    // MARK: Which lines run

    /// What a run of the tests came to, kept between looks.
    private struct Measured: Codable {
        var head: String
        var run: TestRun
    }
    private var measuredFile: String { "\(folder)/deep/\(name).json" }

    private func measured(at head: String) async -> TestRun? {
        let path = measuredFile
        let data = try? await BlockingWork.run { try Data(contentsOf: URL(fileURLWithPath: path)) }
        return data.flatMap { try? JSONDecoder().decode(Measured.self, from: $0) }.flatMap {
            $0.head == head ? $0.run : nil
        }
    }

    private func measure(
        _ perspective: Perspective, _ context: EvidenceContext, _ old: FindingBook, _ record: inout WorkerRecord,
        _ version: inout Int64
    ) async throws -> Made? {
        let depth = EvidenceRule.Depth.coverage
        let files = Self.measurable(context)
        guard !files.isEmpty else {
            return try await skip(
                perspective, depth, "No Python file was found; which lines tests run is measured for Python only.",
                context, old, &record, &version)
        }
        let tests: PythonTests
        switch try await PythonTests.find(own: interpreter, toolFolders: toolFolders, scratch: context.scratch) {
        case .missing(let reason):
            return try await skip(
                perspective, depth, "The tests were not run: \(reason).", context, old, &record, &version)
        case .tests(let found): tests = found
        }
        report("running the tests with coverage")
        let tree = try await copy(context, "coverage")
        let run: TestRun
        let functions: [PythonFunction]
        do {
            run = try await Self.run(tests, files, in: tree)
            functions = try await Self.functions(tests, files, in: tree)
        } catch let failure as Failure {
            return try await skip(
                perspective, depth, "The tests were not run to their end: \(failure.because).", context, old, &record,
                &version)
        }
        let judgement = CoverageJudgement(context: context, run: run)
        let facts: JSONValue = [
            "tests": .integer(Int64(run.tests.count)), "passed": .integer(Int64(run.passed)),
            "failed": .integer(Int64(run.failed)), "seconds": .number((run.seconds * 10).rounded() / 10),
            "files": .integer(Int64(files.count)),
        ]
        if let obstacle = judgement.obstacle {
            return try await skip(
                perspective, depth, obstacle, context, old, &record, &version, facts: [.init("tests", facts)])
        }
        let path = measuredFile
        let data = try JSONEncoder().encode(Measured(head: context.head.commit, run: run))
        try await BlockingWork.run {
            try PrivateFolder.make(path.parentFolder)
            try data.write(to: URL(fileURLWithPath: path), options: .atomic)
        }
        var look = Inspection()
        look.tools = tests.versions
        if let rule = EvidenceRule.named("unrun_lines"), perspective.rules.contains(rule.id) {
            let hottest = CoverageJudgement.hottest(functions, context, most: Self.mutantFunctions) {
                $0.paths >= CoverageJudgement.leastPaths
            }
            look.looked.insert(rule.id)
            look.add(
                RuleResult(seen: judgement.unrunLines(hottest), tools: tests.versions), rule, perspective, context)
            try await look.confirm(context)
        }
        record.deep?.done.append(depth.rawValue)
        return try await tellDeep(
            perspective, depth, look,
            "\(run.passed) of \(run.tests.count.counted("test")) passed in \(Formatting.tenths(run.seconds)) s.",
            isSaid: true, facts: [.init("tests", facts)], context, old, &record, &version)
    }

    /// Source files of Python that are worked on most.
    private static func measurable(_ context: EvidenceContext) -> [String] {
        let now = context.head.time
        return context.view.sources.filter { $0.language == .python && $0.path.hasSuffix(".py") }
            .map { (path: $0.path, heat: context.history?.heat(of: $0.path, at: now) ?? Double($0.lineCount)) }
            .map { (path: $0.path, heat: $0.heat * (context.leads[$0.path] == nil ? 1 : 10)) }
            .sorted { ($0.heat, $1.path) > ($1.heat, $0.path) }.prefix(measuredFiles).map(\.path)
    }

    private func copy(_ context: EvidenceContext, _ name: String) async throws -> String {
        let tree = "\(context.scratch)/\(name)-\(UUID().uuidString.prefix(8))"
        try await ScratchCopy.make(context.mirror, at: context.head.commit, folder: tree)
        return tree
    }

    private static func run(_ tests: PythonTests, _ files: [String], in tree: String) async throws -> TestRun {
        func ask(_ isPlain: Bool) async throws -> TestRun {
            TestRun(
                try await tests.ask(
                    [
                        "task": "measure", "coverage": true, "files": .array(files.map { .string($0) }),
                        "plain_options": .bool(isPlain),
                    ], in: tree, seconds: PythonTests.longest))
        }
        let run = try await ask(false)
        // The repository's own options may name what is not here.
        return run.tests.isEmpty ? try await ask(true) : run
    }

    private static func functions(_ tests: PythonTests, _ files: [String], in tree: String) async throws
        -> [PythonFunction]
    {
        let answer = try await tests.ask(
            ["task": "functions", "files": .array(files.map { .string($0) })], in: tree, seconds: 120)
        return files.flatMap { file in PythonFunction.read(answer["files"]?[file] ?? .null, file: file) }
    }

    // MARK: Which changes nobody notices

    private func mutate(
        _ perspective: Perspective, _ context: EvidenceContext, _ old: FindingBook, _ record: inout WorkerRecord,
        _ version: inout Int64
    ) async throws -> Made? {
        let depth = EvidenceRule.Depth.mutants
        guard let rule = EvidenceRule.named("surviving_mutants"), var deep = record.deep else { return nil }
        guard let run = await measured(at: context.head.commit) else {
            // The tests did not run, and the row of that depth says why.
            record.deep?.done.append(depth.rawValue)
            version = try await store.save(record, version: version, at: now())
            return (nil, perspective.id, false)
        }
        guard
            case .tests(let tests) = try await PythonTests.find(
                own: interpreter, toolFolders: toolFolders, scratch: context.scratch)
        else {
            record.deep?.done.append(depth.rawValue)
            version = try await store.save(record, version: version, at: now())
            return (nil, perspective.id, false)
        }
        let judgement = CoverageJudgement(context: context, run: run)
        let tree = try await copy(context, "mutants")
        let functions = CoverageJudgement.hottest(
            try await Self.functions(tests, Self.measurable(context), in: tree), context, most: Self.mutantFunctions
        ) { !judgement.trials(of: $0).isEmpty }
        let end = ContinuousClock.now + .seconds(Self.mutantSeconds)
        var look = Inspection()
        look.tools = tests.versions
        while deep.next < functions.count, ContinuousClock.now < end {
            try Task.checkCancellation()
            let function = functions[deep.next]
            deep.next += 1
            let trials = judgement.trials(of: function)
            guard !trials.isEmpty else { continue }
            report("changing \(trials.count.counted("line")) of \(function.name)")
            let seconds = Self.mutantSeconds * 2
            let (tried, first) = try await Self.survivors(tests, trials, function.file, in: tree, seconds: seconds)
            // Once more on a clean copy: what tests left behind proves nothing.
            var survivors: [MutantTrial] = []
            if !first.isEmpty {
                let clean = try await copy(context, "again")
                survivors = try await Self.survivors(tests, first, function.file, in: clean, seconds: seconds).survivors
                try? FileManager.default.removeItem(atPath: clean)  // all of the scratch folder goes in the end
            }
            deep.tried += tried
            deep.survived += survivors.count
            if let sighting = judgement.survivors(survivors, of: function, tried: tried) {
                look.add(RuleResult(seen: [sighting], tools: tests.versions), rule, perspective, context)
            }
        }
        try await look.confirm(context)
        deep.seen += look.findings.map(\.id)
        let isOver = deep.next >= functions.count
        if isOver {
            deep.done.append(depth.rawValue)
            // What was seen in earlier looks at this commit is no miss.
            let ids = Set(look.findings.map(\.id))
            look.findings += deep.seen.filter { !ids.contains($0) }.compactMap { old.entries[$0]?.finding }
            look.looked.insert(rule.id)
        }
        record.deep = deep
        let said =
            deep.tried == 0
            ? "No line could be changed: no passing test runs the functions that are worked on most."
            : "\(deep.tried.counted("line")) changed in \(min(deep.next, functions.count).counted("function")), \(deep.survived) unnoticed."
        return try await tellDeep(
            perspective, depth, look, said, isSaid: isOver,
            facts: [
                .init(
                    "mutants",
                    [
                        "tried": .integer(Int64(deep.tried)), "survived": .integer(Int64(deep.survived)),
                        "functions": .integer(Int64(min(deep.next, functions.count))),
                        "of": .integer(Int64(functions.count)),
                    ])
            ], context, old, &record, &version)
    }

    private static func survivors(
        _ tests: PythonTests, _ trials: [MutantTrial], _ file: String, in tree: String, seconds: Int
    ) async throws -> (tried: Int, survivors: [MutantTrial]) {
        // Each of their tests once, so many at most.
        var seen: Set<String> = []
        let base = trials.flatMap(\.tests).filter { seen.insert($0).inserted }.prefix(400)
        let job: JSONValue = [
            "task": "mutate", "file": .string(file), "base": .array(base.map { .string($0) }),
            "base_seconds": .integer(Int64(seconds / 2)), "seconds": .integer(Int64(seconds)),
            "mutants": .array(trials.map(\.json)),
        ]
        let answer: JSONValue
        // A function that cannot be judged costs only itself.
        do { answer = try await tests.ask(job, in: tree, seconds: seconds * 2) } catch is Failure { return (0, []) }
        let outcomes = (answer["outcomes"]?.array ?? []).map { $0.string ?? "" }
        let judged = zip(trials, outcomes).filter { $0.1 != "gone" }
        return (judged.count, judged.filter { $0.1 == "green" }.map(\.0))
    }

    // MARK: Telling

    /// A depth that could not be reached. Said once, until something else is to be said.
    private func skip(
        _ perspective: Perspective, _ depth: EvidenceRule.Depth, _ reason: String, _ context: EvidenceContext,
        _ old: FindingBook, _ record: inout WorkerRecord, _ version: inout Int64, facts: [JSONValue.Member] = []
    ) async throws -> Made? {
        var look = Inspection()
        look.notLookedAt = [Redaction.text(reason)]
        record.deep?.done.append(depth.rawValue)
        // Of another commit, perhaps.
        let path = measuredFile
        try? await BlockingWork.run { try FileManager.default.removeItem(atPath: path) }
        return try await tellDeep(
            perspective, depth, look, Redaction.text(reason), isSaid: true, facts: facts, context, old, &record,
            &version)
    }

    private func tellDeep(
        _ perspective: Perspective, _ depth: EvidenceRule.Depth, _ look: Inspection, _ said: String, isSaid: Bool,
        facts: [JSONValue.Member], _ context: EvidenceContext, _ old: FindingBook, _ record: inout WorkerRecord,
        _ version: inout Int64
    ) async throws -> Made? {
        var look = look
        let time = Iteration.text(now())
        for index in look.findings.indices where look.findings[index].firstSeen.isEmpty {
            look.findings[index].firstSeen = time
        }
        var book = old
        book.take(look.findings, of: perspective.id, looked: look.looked, isNewHead: true, now: now())
        // Seconds differ from run to run, and are no news.
        let gist = Self.withoutNumbers(said)
        let isNew = isSaid && record.deep?.said[depth.rawValue] != gist
        if isSaid { record.deep?.said[depth.rawValue] = gist }
        let row = try await tell(
            perspective, look, book, old,
            stage: depth == .coverage ? "Tests with coverage" : "Tests on changed lines", isFirst: isNew, summary: said,
            facts: facts, context.head, &record, &version)
        return (row.number, perspective.id, row.hasNews)
    }

    static func withoutNumbers(_ text: String) -> String {
        text.split { $0.isNumber || $0 == "." }.joined(separator: "#")
    }
}

extension Perspective {
    func asks(for depth: EvidenceRule.Depth) -> Bool {
        rules.contains { EvidenceRule.named($0)?.depth == depth }
    }
}
