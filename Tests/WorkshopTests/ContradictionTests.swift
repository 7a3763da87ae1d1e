import Foundation
import StokerCore
import Testing

@testable import Workshop

/// Rules that compare the files of one commit with each other.
@Suite struct ContradictionTests {
    private static func view(_ files: [String: String], others: [String] = [], closed: [String] = []) -> RepositoryView
    {
        var view = RepositoryView(
            head: .init(commit: "a", time: Bench.now, isShallow: true),
            files: files.sorted { $0.key < $1.key }.map {
                SourceFile(
                    path: $0.key, blob: "", role: SourceFile.role(of: $0.key), language: SourceLanguage(path: $0.key),
                    text: $0.value)
            }, skipped: [], notFollowed: [])
        view.tree = RepositoryTree(files: Array(files.keys) + others + closed, closed: closed)
        return view
    }

    private static func dangling(_ view: RepositoryView, _ path: String) throws -> [String] {
        let file = try #require(view.file(path))
        var references = RepositoryReferences(view)
        return references.dangling(in: file).map { "\($0.line) \($0.target)" }
    }

    // MARK: References

    @Test func linksOfMarkdownAreLookedUp() throws {
        let text = """
            # A title

            See [guide](docs/guide.md), [gone](docs/gone.md), [part](#a-title) and [no part](#nothing).
            [there]: docs/guide.md#how-it-works
            [not there]: docs/guide.md#how-it-worked
            ```
            [code](never.md)
            ```
            `[code](never.md)` <img src="logo.png"> [issues](../../issues) [line](src/a.py#L12)
            <!-- [comment](never.md) -->
            [placeholder](url) [mail](mailto:a@b) [site](https://example.com/a) [fill]({{ url }}/a.md)
            [made](made/a.md) [behind a link](link/a.md) [folder](docs/)
            """
        let view = Self.view(
            [
                "README.md": text, "docs/guide.md": "# Guide\n\n## How *it* `works`?\n", "src/a.py": "",
                ".gitignore": "/made/\n",
            ], closed: ["link"])
        #expect(
            try Self.dangling(view, "README.md") == [
                "3 docs/gone.md", "9 logo.png", "3 #nothing", "5 docs/guide.md#how-it-worked",
            ])
    }

    /// Sites have roots and endings of their own, and programs add pages and headings.
    @Test func pagesOfASiteAreReadWithCare() throws {
        let view = Self.view(
            [
                "docs/a.md":
                    "[x](/b) [x](b) [x](../api/x/) [x](c.md) [x](api/x.md) [x](made.md#more) [x](d.md#Named)\n",
                "docs/b.md": "# B\n", "docs/made.md": "::: tern.api\n", "docs/d.md": "## Other {#named}\n",
                "CHANGELOG.md": "[x](old.md)\n",
            ], others: ["mkdocs.yml"])
        #expect(try Self.dangling(view, "docs/a.md") == ["1 c.md"])
        #expect(try Self.dangling(view, "CHANGELOG.md").isEmpty)
    }

    @Test(arguments: [
        ("How *it* `works`?", "how-it-works"), ("C++ & [Go](https://go.dev)", "c--go"), ("`a_b` v1.2", "a_b-v12"),
        ("<b>Bold</b> — text", "bold--text"),
    ])
    func headingsAreNamedAsGitHubNamesThem(_ heading: String, _ slug: String) {
        #expect(MarkdownText.slug(heading[...]) == slug)
    }

    @Test func configurationIsLookedUp() throws {
        let view = Self.view(
            [
                ".github/CODEOWNERS":
                    "* @a\n*.py @a\n/src/ @a\n/old/** @a\nsrc/gone.py @a\nlib @a\nREADME.md @a\n# /no @a\n",
                ".github/workflows/ci.yml":
                    "on:\n  push:\n    paths:\n      - src/**\n      - 'old/**'\n      - '**.md'\n      - \"!gone/a\"\njobs:\n  a:\n    steps:\n      - uses: ./.github/actions/here\n      - uses: ./.github/actions/gone\n",
                ".github/actions/here/action.yml": "", "README.md": "", "src/a.py": "",
                ".github/dependabot.yml": "updates:\n  - directory: /\n  - directory: \"/src\"\n  - directory: /old\n",
                "package.json":
                    "{\"scripts\": {\n\"a\": \"node scripts/a.js\",\n\"b\": \"node scripts/gone.js --x\",\n\"c\": \"node dist/a.js\"}}",
                "scripts/a.js": "",
            ])
        #expect(try Self.dangling(view, ".github/CODEOWNERS") == ["4 /old/**", "5 src/gone.py", "6 lib"])
        #expect(try Self.dangling(view, ".github/workflows/ci.yml") == ["5 old/**", "12 ./.github/actions/gone"])
        #expect(try Self.dangling(view, ".github/dependabot.yml") == ["4 /old"])
        #expect(try Self.dangling(view, "package.json") == ["3 scripts/gone.js"])
    }

    // MARK: Definitions

    @Test func aTestThatIsDefinedTwiceIsSeen() throws {
        let text = """
            def test_z():
                pass

            class TestB:
                def test_a(self): pass
                def test_c(self):
                    text = '''
            def test_c(self): pass
            '''
                @pytest.mark.slow
                def test_c(self): pass
                @property
                def x(self): pass
                @x.setter
                def x(self, v): pass

            if old:
                def test_d(): pass
            else:
                def test_d(): pass

            def test_e(): pass  # noqa: F811
            def test_e(): pass

            @overload
            def f(a): ...
            def f(a): pass

            def make(): pass
            a = make()
            def make(): pass

            def test_z():
                pass
            """
        let view = Self.view(["tests/test_x.py": text])
        #expect(
            PythonBlocks.shadowed(in: view.files[0]).map { "\($0.name) \($0.line) \($0.again) \($0.isTest)" } == [
                "TestB.test_c 6 11 true", "test_z 1 33 true",
            ])
        #expect(TestInput.isOne("tests/data/cases/a.py") && !TestInput.isOne("tests/test_data.py"))
    }

    // MARK: Parameters

    private static func wrong(_ path: String, _ text: String) -> [String] {
        view([path: text]).files.flatMap(DocumentedParameters.wrong).map { "\($0.function) \($0.name) \($0.line)" }
    }

    @Test func parametersOfDocstringsAreCompared() {
        let text = """
            def a(one, two: int = 3):
                \"""Says.

                :param one: yes
                :param int three: no
                \"""

            async def b(
                one,
                *,
                two,
            ) -> int:
                '''
                Args:
                    one (int): yes
                        more: of it
                    tow: no
                    **two: yes

                Returns:
                    four: no parameter
                '''

            def c(one, **rest):
                \""":param two: one of the rest\"""

            @inject
            def d(one):
                \""":param two: somebody may bring it\"""
            """
        #expect(Self.wrong("src/a.py", text) == ["a three 5", "b tow 17"])
    }

    @Test func parametersOfCommentsAreCompared() {
        #expect(
            Self.wrong(
                "Sources/a.swift",
                """
                /// Says.
                /// - Parameter old: no
                /// - Parameters:
                ///   - one: yes
                ///   - tow: no
                /// - Returns: a thing
                @discardableResult
                public func a(in one: Int = (1, 2).0, two: Int) -> Int { 1 }

                /// - Parameter one: of a value
                let b = 1
                """) == ["a old 2", "a tow 5"])
        #expect(
            Self.wrong(
                "src/A.java",
                "/**\n * @param one yes\n * @param <T> type\n * @param two no\n */\n@Override\npublic <T> void a(int one) {\n}\n"
            )
                == ["a two 4"])
        #expect(
            Self.wrong(
                "src/a.js",
                "/**\n * @param {{a: number}} one yes\n * @param {string} [two=1] no\n * @param {string} one.three of one\n */\nfunction a(one) {\n}\n"
            ) == ["a two 3"])
        // What takes its arguments apart may be described under any name.
        #expect(
            Self.wrong("src/b.js", "/**\n * @param {object} options all\n */\nexport function b({ one }) {\n}\n")
                .isEmpty)
        #expect(Self.wrong("src/c.js", "/**\n * @param {string} one\n */\nconst c = wrap((two) => {\n})\n").isEmpty)
    }

    // MARK: Versions

    private static func support(_ files: [String: String]) -> [String] {
        let view = view(files)
        return DeclaredSupport.all(in: view).flatMap { $0.contradictions(in: view) }.map {
            "\($0.file):\($0.line) \($0.says)"
        }
    }

    @Test func versionsThatContradictAreSeen() {
        #expect(
            Self.support([
                "pyproject.toml":
                    "[project]\nrequires-python = \">=3.10\"\nclassifiers = [\n  \"Programming Language :: Python :: 3\",\n  \"Programming Language :: Python :: 3.9\",\n  \"Programming Language :: Python :: 3.10\",\n]\n[tool.ruff]\ntarget-version = \"py38\"\n[tool.black]\ntarget-version = [\"py310\", \"py311\"]\n[tool.mypy]\npython_version = \"3.12\"\n",
                "README.md": "It needs Python 3.8 or later.\n\nSince 2.0 Python 3.7+ is needed.\nPython 3.10+\n",
            ]) == [
                "pyproject.toml:5 a classifier has 3.9, which cannot be installed",
                "pyproject.toml:9 target-version is 3.8",
                "README.md:1 README.md says Python 3.8 is enough",
            ])
        #expect(
            Self.support([
                "go.mod": "module a\n\ngo 1.19\n",
                ".github/workflows/ci.yml": "matrix:\n  go: [\"1.25.x\", \"1.26.x\"]\n",
            ]) == [".github/workflows/ci.yml:2 the oldest that a workflow runs is 1.25: nothing tests 1.19"])
        // A list that a file or another program gives is not known.
        #expect(
            Self.support([
                "go.mod": "go 1.19\n",
                ".github/workflows/ci.yml": "go-version-file: go.mod\nmatrix:\n  go: [1.25.x, 1.26.x]\n",
            ]).isEmpty)
        #expect(
            Self.support(["package.json": "{\n  \"node\": \"^18 || >=20\"\n}", "README.md": "Node.js 16+\n"]).isEmpty)
    }

    @Test(arguments: [
        ("Requires Go 1.20 or newer", "1.20"), ("Python >= 3.8", "3.8"), ("**Python 3.8+**", "3.8"),
        ("If you use Python 3.8+", nil), ("Python 3.8 was slow", nil), ("For Python 3.8+ see below", nil),
    ])
    func whatASentenceClaimsIsRead(_ line: String, _ version: String?) {
        #expect(DeclaredSupport.claim(in: line[...], of: ["go", "python"])?.description == version)
    }
}

/// Prints all that the rules of a commit see of a repository, for those who read it: `STOKER_READ=FOLDER`. Nothing is published or kept.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["STOKER_READ"] != nil)) struct ContradictionReading {
    @Test func printAll() async throws {
        let source = try #require(ProcessInfo.processInfo.environment["STOKER_READ"])
        let folder = FileManager.default.temporaryDirectory.path + "/reading-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }  // in the temporary folder anyway
        for path in source.split(separator: ":").map(String.init) {
            let mirror = try GitMirror(
                folder: "\(folder)/\(RepositoryTree.name(of: path)).git", source: path, branch: nil)
            let view = try await RepositoryView.read(mirror, at: try await mirror.update())
            let context = EvidenceContext(
                mirror: mirror, view: view, history: nil, tools: EvidenceTools(), scratch: folder)
            print("# \(path) at \(view.head.commit), \(view.files.count) files")
            for rule in [
                EvidenceRule.danglingReferences, .documentedParameters, .shadowedTests, .supportContradicts,
            ] {
                for one in try await rule.gather(context).seen {
                    print("\n[\(rule.id)] \(one.file):\(one.lines.lowerBound) \(one.severity.rawValue)\n  \(one.title)")
                    for line in one.evidence { print("  - \(line)") }
                    print("  why: \(one.why)\n  $ \(one.command)")
                }
            }
        }
    }
}
