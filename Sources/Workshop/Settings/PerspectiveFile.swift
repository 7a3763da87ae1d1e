package import StokerCore

/// A way of looking at a repository.
package struct Perspective: Sendable, Equatable {
    /// What rows call it: `id` in the file, else the name it stands under. One of each kind of worker at most.
    package var id = ""
    package var kind = WorkerSettings.Kind.analysis
    package var question = ""
    /// Ids of rules whose evidence answers it.
    package var rules: [String] = []
    /// What a model is asked over the evidence; nil: its question.
    package var modelAsks: String?
    /// What is said when they see nothing; ends with a period.
    package var nothing = ""

    package init() {}
}

/// Perspectives as a file has them; the built-in ones are `perspectives.yaml`.
package struct PerspectiveFile: Sendable, Equatable {
    package var all: [Perspective] = []

    package init() {}

    /// Every mistake of the file is reported with its place.
    /// - Parameter name: the file's name as the person gave it.
    package init(_ text: String, name: String) throws(FleetProblems) {
        let read = FleetFile.read(text: text, name: name, environment: [:], sections: .none.adding(Self.section))
        switch read {
        case .success(let file):
            all = file[Self.section].map { named in
                var one = named.value
                if one.id.isEmpty { one.id = named.name }
                return one
            }
        case .failure(let problems): throw problems
        }
    }

    package func perspectives(of kind: WorkerSettings.Kind) -> [Perspective] { all.filter { $0.kind == kind } }
    package func perspective(_ id: String, of kind: WorkerSettings.Kind) -> Perspective? {
        all.first { $0.id == id && $0.kind == kind }
    }

    /// The perspectives that are compiled in. A test reads them: a build with a wrong file has none.
    package static let builtIn: PerspectiveFile =
        (try? PerspectiveFile(WorkerAsset.perspectives.text, name: "perspectives.yaml")) ?? PerspectiveFile()

    static let table = FleetTable<Perspective>(
        [
            FleetKey(
                "id", .text("an id"), \.id, "What rows call it, where two kinds of workers ask under one name.",
                defaultValue: "its name here", example: "security", invalidExamples: ["[a]"]),
            FleetKey(
                "kind", .word, \.kind, "Which workers take it.", defaultValue: "`analysis`", example: "analysis",
                invalidExamples: ["dance"]),
            FleetKey(
                "question", .text("a question"), \.question, "What it asks; stands in the row.",
                example: "\"Where do we retry?\"", invalidExamples: ["[a]"]),
            FleetKey(
                "rules",
                .list(
                    .text("a rule such as workflows", pattern: "^[a-z_]+$") { text in
                        EvidenceRule.named(text) == nil
                            ? "is no rule; there are \(EvidenceRule.all.map(\.id).joined(separator: ", "))" : nil
                    }, "rules", limit: 50), \.rules, "Rules whose evidence answers it.", defaultValue: "none",
                example: "[workflows]", invalidExamples: ["[beauty]", "{ a: b }"]),
            FleetKey(
                "model_asks", .text("what a model is asked"), \.modelAsks,
                "What a model is asked over the evidence, when the worker has one.", defaultValue: "its question",
                example: "\"Which retry is missing?\"", invalidExamples: ["[a]"]),
            FleetKey(
                "nothing", .text("a sentence"), \.nothing, "What is said when they see nothing.",
                defaultValue: "Nothing was found.", example: "All is retried.", invalidExamples: ["[a]"]),
        ],
        finish: { one, said in
            if one.question.isEmpty { said.report(.missing, "has no `question`") }
            if one.nothing.isEmpty { one.nothing = "Nothing was found." }
        })

    private static let section = FleetSection(
        "perspectives", "Ways of looking at a repository, by id.",
        FleetValue<[FleetNamed<Perspective>]>.named(
            .table(table, Perspective()),
            fault: { name in
                (1...40).contains(name.utf8.count)
                    && name.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
                    ? nil : "is no id; write small letters, digits and _, such as our_rules"
            }), initial: [])
}
