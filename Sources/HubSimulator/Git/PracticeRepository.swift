import FoundationEssentials

/// A small repository with three years of history and a few real faults, for those who look at repositories: made anew, always with the
/// same commits.
package enum PracticeRepository {
    /// Time of its newest commit, seconds since 1970: 2026-11-01 12:00 UTC.
    package static let headTime = 1_793_534_400

    /// Makes it as a bare repository with the branch `main`.
    /// - Parameter more: commits behind the usual ones.
    /// - Returns: the newest commit.
    @discardableResult
    package static func make(at folder: String, more: [Commit] = []) async throws -> String {
        try await Git.run(["init", "--quiet", "--bare", "--initial-branch=main", folder])
        try await add(commits + more, to: folder, isFirst: true)
        return String(
            decoding: try await Git.run(["--git-dir", folder, "rev-parse", "refs/heads/main"]), as: UTF8.self
        )
        .filter { !$0.isWhitespace }
    }

    /// Adds commits to it.
    package static func add(_ commits: [Commit], to folder: String, isFirst: Bool = false) async throws {
        var stream: [UInt8] = []
        func text(_ line: String) { stream += Array(line.utf8) }
        func data(_ bytes: [UInt8]) {
            text("data \(bytes.count)\n")
            stream += bytes + [10]
        }
        for (number, commit) in commits.enumerated() {
            let time = headTime - commit.daysAgo * 86_400
            text("commit refs/heads/main\n")
            text("author \(commit.author.name) <\(commit.author.mail)> \(time) +0000\n")
            text("committer \(commit.author.name) <\(commit.author.mail)> \(time) +0000\n")
            data(Array(commit.subject.utf8))
            if number == 0, !isFirst { text("from refs/heads/main^0\n") }
            for (path, content) in commit.files.sorted(by: { $0.key < $1.key }) {
                guard let content else {
                    text("D \(quoted(path))\n")
                    continue
                }
                text("M 100644 inline \(quoted(path))\n")
                data(Array(content.utf8))
            }
            for (old, new) in commit.moves { text("R \(old) \(new)\n") }
        }
        try await Git.run(["--git-dir", folder, "fast-import", "--quiet"], input: stream)
    }

    /// As fast-import reads a path: with quotes where it has a line end.
    private static func quoted(_ path: String) -> String {
        path.contains("\n")
            ? "\"\(path.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\\n"))\"" : path
    }

    package struct Author: Sendable {
        package var name: String
        package var mail: String
        package init(name: String, mail: String) {
            self.name = name
            self.mail = mail
        }
        package static let ines = Author(name: "Ines Barros", mail: "ines@tern.example")
        package static let tobi = Author(name: "Tobi Adeyemi", mail: "tobi@tern.example")
        package static let maren = Author(name: "Maren Voss", mail: "maren@tern.example")
        package static let bot = Author(name: "renovate[bot]", mail: "renovate[bot]@tern.example")
    }
    package struct Commit: Sendable {
        /// Before ``headTime``.
        package var daysAgo: Int
        package var author: Author
        package var subject: String
        /// nil deletes.
        package var files: [String: String?]
        package var moves: [(String, String)] = []
        package init(
            _ daysAgo: Int, _ author: Author, _ subject: String, _ files: [String: String?],
            moves: [(String, String)] = []
        ) {
            self.daysAgo = daysAgo
            self.author = author
            self.subject = subject
            self.files = files
            self.moves = moves
        }
    }

    // MARK: Its contents

    /// All of it, oldest first.
    package static let commits: [Commit] = {
        var commits = [
            Commit(
                1_080, .ines, "Begin the route planner",
                [
                    "README.md": readme, "pyproject.toml": project,
                    "src/tern/__init__.py": "\"\"\"Routes for small fleets.\"\"\"\n",
                    "src/tern/protocol.py": messages(step: 0), "src/tern/planner.py": planner(step: 0),
                    "src/tern/store.py": store(step: 0), "src/tern/feed.py": feed, "tests/__init__.py": "",
                    "tests/test_planner.py": tests(isOff: false), ".github/workflows/ci.yml": workflow(isOpen: false),
                ]),
            Commit(
                990, .ines, "Skip the test of the night shift until the depot is known",
                ["tests/test_planner.py": tests(isOff: true)]),
            Commit(
                900, .tobi, "Comment the branch name of pull requests",
                [".github/workflows/ci.yml": workflow(isOpen: true)]),
        ]
        let planned = [
            (700, "Fix the crash when a route has no stops"), (430, "Add the weight of a load to its plan"),
            (210, "Fix the wrong order of stops after midnight"), (60, "Fix the endless loop for a closed depot"),
        ]
        for (number, (days, subject)) in planned.enumerated() {
            commits.append(
                Commit(
                    days, number % 2 == 0 ? .tobi : .maren, subject, ["src/tern/planner.py": planner(step: number + 1)])
            )
        }
        for number in 1...12 {
            commits.append(
                Commit(
                    800 - number * 60, number % 2 == 0 ? .tobi : .maren, "Tune the timeout of message \(number)",
                    ["src/tern/protocol.py": messages(step: number)]))
            commits.append(
                Commit(
                    795 - number * 60, .maren, storeSubjects[number % storeSubjects.count],
                    ["src/tern/store.py": store(step: number)]))
        }
        commits.append(Commit(30, .bot, "Bump actions/checkout", ["requirements.txt": "requests==2.34.2\n"]))
        commits.append(Commit(0, .maren, "Tell the version in the README", ["README.md": readme + "\nVersion 1.4.\n"]))
        return commits.enumerated().sorted { ($1.element.daysAgo, $0.offset) < ($0.element.daysAgo, $1.offset) }.map(
            \.element)
    }()

    private static let storeSubjects = [
        "Keep the depot with the route", "Write stops and loads together", "Read old rows of the ledger",
    ]

    private static let readme = "# tern\n\nRoutes for small fleets.\n"

    private static let project = """
        [project]
        name = "tern"
        version = "1.4.0"
        requires-python = ">=3.10"
        dependencies = [
            "requests>=2.31",
        ]

        [build-system]
        requires = ["hatchling"]
        build-backend = "hatchling.build"

        """

    /// Uses a package that only comes along with another.
    private static let feed = """
        \"\"\"Arrivals of others, over HTTP.\"\"\"

        import json

        import requests
        import urllib3

        RETRY = urllib3.Retry(total=3)


        def arrivals(address, session=None):
            session = session or requests.Session()
            answer = session.get(address, timeout=10)
            answer.raise_for_status()
            return json.loads(answer.text)["arrivals"]

        """

    private static func planner(step: Int) -> String {
        """
        \"\"\"Plans the order of stops.\"\"\"


        def plan_route(stops, depot, load=None, night=False):
            if not stops\(step >= 1 ? " or depot is None" : ""):
                return []
            order = []
            waiting = sorted(stops, key=lambda stop: stop.due\(step >= 3 ? " + (24 if night and stop.due < 6 else 0)" : ""))
            rounds = 0
            while waiting:
                \(step >= 4 ? "rounds += 1\n        if rounds > len(stops) * 4:\n            break" : "pass")
                stop = waiting.pop(0)
                if stop.closed and not night:
                    waiting.append(stop)
                    if all(other.closed for other in waiting):
                        break
                elif stop.weight > (load or 0) and order:
                    order.append(depot)
                    order.append(stop)
                elif night and stop.quiet:
                    continue
                else:
                    order.append(stop)
                for other in waiting:
                    if other.near(stop) and not other.closed:
                        order.append(other)
                        waiting.remove(other)
            \(step >= 2 ? "total = sum(stop.weight for stop in order if stop is not depot)\n    return order if total else []" : "return order")


        def nearest(stop, others):
            return min(others, key=stop.distance, default=None)

        """
    }

    private static func tests(isOff: Bool) -> String {
        """
        import unittest

        from tern import planner


        class PlannerTests(unittest.TestCase):
            def test_nothing_to_do(self):
                self.assertEqual(planner.plan_route([], None), [])

        \(isOff ? "    @unittest.skip(\"until the depot is known\")\n" : "")    def test_the_night_shift(self):
                self.assertEqual(planner.plan_route([], None, night=True), [])

        """
    }

    private static func messages(step: Int) -> String {
        var text = "\"\"\"Messages between the depot and its vehicles.\"\"\"\n\n"
        for number in 1...40 {
            text += """

                def encode_\(number)(message):
                    fields = [message.kind, message.sender, \(number)]
                    if message.urgent:
                        fields.append("urgent")
                    return "|".join(str(field) for field in fields)


                """
        }
        if step > 0 {
            text += "\nTIMEOUTS = {\n"
            for number in 1...step { text += "    \(number): \(number * 5 + 1),\n" }
            text += "}\n"
        }
        return text
    }

    /// Over 1,500 lines, in which groups of functions change together.
    private static func store(step: Int) -> String {
        var text = "\"\"\"Everything that is kept.\"\"\"\n\n"
        let groups = ["route", "stop", "load", "depot", "ledger", "driver"]
        for number in 0..<240 {
            let group = groups[number % groups.count]
            // Every step works on two functions of one group.
            let touched = (1...12).filter { $0 <= step && $0 % 3 == number % 3 && number < 24 }.max() ?? 0
            text += """

                def \(group)_\(number)(table, key):
                    row = table.get(key)
                    if row is None:
                        return None
                    return {"kind": "\(group)", "number": \(number), "step": \(touched), "row": row}


                """
        }
        return text
    }

    private static func workflow(isOpen: Bool) -> String {
        """
        name: ci
        on:
          \(isOpen ? "pull_request_target:" : "pull_request:")
        permissions:
          contents: read
        jobs:
          test:
            runs-on: ubuntu-24.04
            steps:
              - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8
                with:
                  persist-credentials: false
                  \(isOpen ? "ref: ${{ github.event.pull_request.head.sha }}" : "fetch-depth: 1")
              - run: python -m unittest
        \(isOpen ? "      - run: echo \"Tested ${{ github.head_ref }}\"\n        env:\n          REPORT_TOKEN: ${{ secrets.REPORT_TOKEN }}\n" : "")
        """
    }
}
