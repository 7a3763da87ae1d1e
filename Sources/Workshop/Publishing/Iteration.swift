package import StokerCore

/// One row of a dataset: what one look came to. Every row has every column.
package struct Iteration: Sendable, Equatable {
    /// Of the columns below. News go into `body` first.
    package static let schemaVersion = 1

    /// From 1, without gaps.
    package var iteration: Int
    package var timestamp: Instant
    package var head: String
    package var perspective: String
    /// `Static analysis`; of implementations the stage's.
    package var stageName: String
    package var summary: String
    package var findings: [Finding]
    package var codeChanges: [CodeChange] = []
    package var insights = Insights()
    /// Whatever has no column: a JSON document.
    package var body: JSONValue = .object([])

    /// A change of one file that was tried.
    package struct CodeChange: Sendable, Equatable {
        package var file: String
        package var code: String
        package var patch: String
        package init(file: String, code: String, patch: String) {
            self.file = file
            self.code = code
            self.patch = patch
        }
    }

    /// The newest of each, at most ``mostInRow`` of at most ``longest`` characters in a row; all of them are in `insights.json`.
    package struct Insights: Sendable, Equatable {
        package static let mostInRow = 40
        package static let longest = 120
        /// In each list of `insights.json`.
        package static let most = 5_000
        package static let names = ["failure_modes_identified", "integration_points", "edge_cases_discovered"]
        /// By ``names``; oldest first.
        package var lists: [[String]] = [[], [], []]
        package init() {}

        package var isEmpty: Bool { lists.allSatisfy(\.isEmpty) }

        /// These behind the known ones, each once.
        package mutating func add(_ more: Insights) {
            for index in lists.indices {
                var known = Set(lists[index])
                for text in more.lists[index] where known.insert(text).inserted { lists[index].append(text) }
                if lists[index].count > Self.most { lists[index].removeFirst(lists[index].count - Self.most) }
            }
        }

        package var rowJSON: JSONValue {
            .object(
                zip(Self.names, lists).map { name, list in
                    .init(name, .array(list.suffix(Self.mostInRow).map { .string(Self.shortened($0)) }))
                })
        }
        package var json: JSONValue {
            .object(zip(Self.names, lists).map { .init($0, .array($1.map { .string($0) })) })
        }
        package init(_ json: JSONValue) {
            for (index, name) in Self.names.enumerated() {
                lists[index] = json[name]?.array?.compactMap(\.string) ?? []
            }
        }
        private static func shortened(_ text: String) -> String {
            text.count <= longest ? text : String(text.prefix(longest - 1)) + "…"
        }
    }

    package init(
        iteration: Int, timestamp: Instant, head: String, perspective: String, stageName: String, summary: String,
        findings: [Finding]
    ) {
        self.iteration = iteration
        self.timestamp = timestamp
        self.head = head
        self.perspective = perspective
        self.stageName = stageName
        self.summary = summary
        self.findings = findings
    }

    package var json: JSONValue {
        [
            "iteration": .integer(Int64(iteration)), "schema_version": .integer(Int64(Self.schemaVersion)),
            "timestamp": .string(Self.text(timestamp)), "head": .string(head), "perspective": .string(perspective),
            "stage_name": .string(stageName), "summary": .string(summary), "findings": .array(findings.map(\.json)),
            "analysis": [
                "code_changes": .array(
                    codeChanges.map {
                        ["file": .string($0.file), "code": .string($0.code), "patch": .string($0.patch)]
                    })
            ], "cumulative_insights": insights.rowJSON, "body": .string(body.text),
        ]
    }

    /// With milliseconds always: `…T00:00:00Z` comes back from `datasets` in another spelling, `….000Z` does not.
    /// Source: datasets 5.2, tried.
    package static func text(_ time: Instant) -> String { time.description }

    /// nil for what is no row.
    package init?(_ json: JSONValue) {
        guard let number = json["iteration"]?.integer, let timestamp = json["timestamp"]?.string,
            let time = Instant(rfc3339: timestamp), let head = json["head"]?.string,
            let perspective = json["perspective"]?.string
        else { return nil }
        self.init(
            iteration: number, timestamp: time, head: head, perspective: perspective,
            stageName: json["stage_name"]?.string ?? "", summary: json["summary"]?.string ?? "",
            findings: json["findings"]?.array?.compactMap(Finding.init) ?? [])
        codeChanges =
            json["analysis"]?["code_changes"]?.array?.compactMap { change in
                guard let file = change["file"]?.string else { return nil }
                return CodeChange(
                    file: file, code: change["code"]?.string ?? "", patch: change["patch"]?.string ?? "")
            } ?? []
        insights = json["cumulative_insights"].map(Insights.init) ?? Insights()
        if let text = json["body"]?.string, let body = try? JSONValue(reading: text) { self.body = body }
    }
}

/// The features of a row as the `datasets` package reads them from a README, every column named: what is inferred from an empty list
/// fails at the first row that has something in it.
enum DatasetCard {
    static func readme(name: String, kind: WorkerSettings.Kind, repository: String) -> String {
        """
        ---
        configs:
        - config_name: default
          data_files:
          - split: train
            path: data/*.jsonl
        dataset_info:
          features:
          - name: iteration
            dtype: int64
          - name: schema_version
            dtype: int64
          - name: timestamp
            dtype: string
          - name: head
            dtype: string
          - name: perspective
            dtype: string
          - name: stage_name
            dtype: string
          - name: summary
            dtype: string
          - name: findings
            list:
        \(Self.findingFeatures)
          - name: analysis
            struct:
            - name: code_changes
              list:
              - name: file
                dtype: string
              - name: code
                dtype: string
              - name: patch
                dtype: string
          - name: cumulative_insights
            struct:
        \(Iteration.Insights.names.map { "    - name: \($0)\n      sequence: string" }.joined(separator: "\n"))
          - name: body
            dtype: string
        ---

        # \(name)

        What the Stoker worker of the kind `\(kind.rawValue)` found in `\(repository)`, newest last. Each row is one iteration.

        ```python
        from datasets import load_dataset

        newest = load_dataset("\(name)")["train"][-1]
        ```

        `latest.json` is the newest row, `insights.json` has everything that was ever learned, and `\(kind.filePrefix)N.json` are the newest 200 rows one by one.
        Every finding cites lines of the commit in `head`, with the SHA-256 of their text; what a rule could not look at is told in `body`.

        """
    }

    private static let findingFeatures: String = {
        let integers: Set = ["line_start", "line_end"]
        let numbers: Set = ["priority", "confidence"]
        let lists: Set = ["evidence", "tools"]
        let names = [
            "id", "rule", "perspective", "title", "why", "file", "line_start", "line_end", "symbol", "quote",
            "quote_sha",
            "evidence", "command", "severity", "priority", "confidence", "state", "first_seen", "head", "tools",
            "source",
        ]
        return names.map { name in
            let type =
                lists.contains(name)
                ? "sequence: string"
                : "dtype: \(integers.contains(name) ? "int64" : numbers.contains(name) ? "float64" : "string")"
            return "    - name: \(name)\n      \(type)"
        }.joined(separator: "\n")
    }()
}
