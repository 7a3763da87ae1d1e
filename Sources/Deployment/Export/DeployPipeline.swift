package import StokerCore

/// Files for CI that check the folders of Spaces on every push and ship them from `main` (requirement DP9).
///
/// Sources: docs.github.com "Workflow syntax" and the README of actions/checkout (`fetch-depth`, `lfs`); docs.gitlab.com "CI/CD YAML syntax"
/// (`rules:exists`) and "Configure runners" (`GIT_DEPTH`: 0 fetches everything).
package struct DeployPipeline: Sendable {
    package enum Kind: String, Sendable, CaseIterable {
        case github = "github-deploy"
        case gitlab = "gitlab-deploy"

        /// Where the service looks for it.
        package var fileName: String {
            switch self {
            case .github: ".github/workflows/deploy.yml"
            case .gitlab: ".gitlab-ci.yml"
            }
        }
    }

    private let fleet: String
    private let folders: [String]

    /// - Parameters:
    ///   - fleet: path of the fleet file in the repository.
    ///   - folders: paths in the repository that hold the files of a Space; the fleet file's `deploy.from` as it writes them.
    /// - Throws: `usage` for a path that is not one of the repository.
    package static func make(_ kind: Kind, fleet: String, folders: [String]) throws(Failure) -> Export {
        let pipeline = try DeployPipeline(fleet: fleet, folders: folders)
        let content = kind == .github ? pipeline.github : pipeline.gitlab
        let place = kind == .github ? "Settings, Secrets and variables, Actions" : "Settings, CI/CD, Variables"
        var instructions = [
            "Save as \(kind.fileName).",
            "In the repository's \(place): the secret HF_TOKEN (may write to the Spaces), and the variables HF_USERNAME (their owner), HF_SPACE_NAME (which Spaces of the fleet file, separated by spaces; without it all), STOKER_URL (where CI gets the stoker program for Linux) and STOKER_SHA256 (its checksum: `sha256sum stoker`).",
            "Secrets that the fleet file names are given to the job that deploys by a line of their own each.",
        ]
        if kind == .gitlab {
            instructions.append("Mark HF_TOKEN as masked and protected, and protect the branch main.")
        }
        return Export(content: content, instructions: instructions)
    }

    private init(fleet: String, folders: [String]) throws(Failure) {
        self.fleet = try Self.path(fleet, "fleet file")
        var paths: [String] = []
        let home = self.fleet.parentFolder
        for folder in folders {
            let path = try Self.path(home.isEmpty ? folder : "\(home)/\(folder)", "folder")
            if !paths.contains(path) { paths.append(path) }
        }
        self.folders = paths.isEmpty ? ["."] : paths
    }

    /// Without `./` and `x/..`. What has a meaning for a shell, for YAML or for patterns is refused: the files quote none of it.
    private static func path(_ text: String, _ kind: String) throws(Failure) -> String {
        var parts: [Substring] = []
        var leaves = text.hasPrefix("/")
        for part in text.split(separator: "/") where part != "." {
            if part != ".." { parts.append(part) } else if parts.popLast() == nil { leaves = true }
        }
        let path = parts.joined(separator: "/")
        let isPlain = path.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "/-_.".contains($0)) }
        guard !leaves, isPlain, !path.hasPrefix("-") else {
            throw Failure(
                .usage, doing: "write a CI file",
                because: "the \(kind) \"\(text.cut(to: 100))\" is no plain path of the repository",
                hint: "run it at the top of the repository, and use letters, digits, -, _, . and / in names")
        }
        return path.isEmpty ? "." : path
    }

    // MARK: What is run

    /// The checks of a language, and the files by which a folder shows that it is written in it.
    private struct Language {
        var name: String
        var marks: [String]
        /// The image that has its tools, for a service that runs jobs in images.
        var image: String
        var script: String
    }

    private static let languages = [
        Language(
            name: "Python", marks: ["requirements.txt", "pyproject.toml"], image: "python:3.13",
            script: """
                python3 -m venv /tmp/venv && . /tmp/venv/bin/activate
                if [ -f requirements-dev.txt ]; then pip install --quiet -r requirements-dev.txt
                elif [ -f requirements.txt ]; then pip install --quiet -r requirements.txt
                else pip install --quiet .; fi
                if [ -f pyrightconfig.json ] || grep -qs '^\\[tool\\.pyright\\]' pyproject.toml; then
                  command -v pyright >/dev/null || pip install --quiet pyright
                  pyright --pythonpath /tmp/venv/bin/python
                fi
                if [ -d tests ] || ls test_*.py >/dev/null 2>&1; then
                  command -v pytest >/dev/null || pip install --quiet pytest
                  pytest
                fi
                pip install --quiet pip-audit
                if [ -f requirements.txt ]; then pip-audit -r requirements.txt; else pip-audit; fi
                """),
        Language(
            name: "Node", marks: ["package.json"], image: "node:24",
            script: """
                if [ -f package-lock.json ]; then npm ci; else npm install; fi
                npm run lint --if-present
                npm test --if-present
                npm audit --audit-level=high
                """),
        Language(
            name: "Swift", marks: ["Package.swift"], image: "swift:6.2",
            script: """
                swift build
                if [ -d Tests ]; then swift test; fi
                # No audit: Swift's packages have no list of known holes that a program reads.
                """),
    ]

    /// Where the program is put: beside the repository, since a folder of it may be shipped.
    private static let program = #"stoker="${RUNNER_TEMP:-/tmp}/stoker""#

    private static let fetchStoker = """
        \(program)
        curl --fail --silent --show-error --location --retry 3 --output "$stoker" "$STOKER_URL"
        echo "$STOKER_SHA256  $stoker" | sha256sum --check --quiet
        chmod +x "$stoker"
        """

    /// Faults of the files, before anything is shipped. Needs no token.
    private var examine: String {
        ([Self.program, "\"$stoker\" check-config \(fleet)"] + folders.map { "\"$stoker\" doctor ./\($0)" })
            .joined(separator: "\n")
    }

    /// The names are words of a variable: the shell is to split them.
    private var deploy: String {
        """
        \(Self.program)
        "$stoker" apply --fleet \(fleet) --yes --rollback-on-failure $HF_SPACE_NAME
        """
    }

    // MARK: The files

    private var notes: String {
        """
        # Checks the folders of the Spaces on every push, and ships them from main. Written by `stoker export`.
        #
        #  * Secret HF_TOKEN: a token that may write to the Spaces. Only the job that deploys gets it.
        #  * HF_USERNAME: their owner. HF_SPACE_NAME: which Spaces of the fleet file, separated by spaces; without it all.
        #  * STOKER_URL and STOKER_SHA256: where the stoker program for Linux is, and its checksum (`sha256sum stoker`).
        #  * Whole history and LFS files are fetched: a pointer in place of a file would be shipped as it is.

        """
    }

    private var github: String {
        let steps = Self.languages.map { language in
            let marks = language.marks.map { "hashFiles(format('{0}/\($0)', matrix.folder)) != ''" }
            return """
                      - name: \(language.name)
                        if: ${{ \(marks.joined(separator: " || ")) }}
                        working-directory: ${{ matrix.folder }}
                        run: |
                \(language.script.indented(10))

                """
        }
        return notes + """
            name: Deploy

            on:
              push:
                branches: [main]
              pull_request:
              workflow_dispatch:

            permissions:
              contents: read

            env:
              HF_USERNAME: ${{ vars.HF_USERNAME }}
              STOKER_URL: ${{ vars.STOKER_URL }}
              STOKER_SHA256: ${{ vars.STOKER_SHA256 }}

            jobs:
              check:
                name: Check ${{ matrix.folder }}
                runs-on: ubuntu-latest
                timeout-minutes: 30
                strategy:
                  fail-fast: false
                  matrix:
                    folder: [\(folders.map(Quote.script).joined(separator: ", "))]
                steps:
                  - uses: actions/checkout@v5
                    with:
                      lfs: true
                      persist-credentials: false
            \(steps.joined().trimmedEnd)

              examine:
                name: Look for what would fail on the Hub
                runs-on: ubuntu-latest
                timeout-minutes: 10
                steps:
                  - uses: actions/checkout@v5
                    with:
                      fetch-depth: 0
                      lfs: true
                      persist-credentials: false
                  - name: Get stoker
                    run: |
            \(Self.fetchStoker.indented(10))
                  - name: Fleet file and folders
                    run: |
            \(examine.indented(10))

              deploy:
                name: Deploy
                needs: [check, examine]
                if: ${{ github.ref == 'refs/heads/main' && github.event_name != 'pull_request' }}
                runs-on: ubuntu-latest
                timeout-minutes: 60
                # One after the other: a second push waits until the first one runs.
                concurrency:
                  group: deploy
                  cancel-in-progress: false
                steps:
                  - uses: actions/checkout@v5
                    with:
                      fetch-depth: 0
                      lfs: true
                      persist-credentials: false
                  - name: Get stoker
                    run: |
            \(Self.fetchStoker.indented(10))
                  - name: Apply
                    env:
                      HF_TOKEN: ${{ secrets.HF_TOKEN }}
                      HF_SPACE_NAME: ${{ vars.HF_SPACE_NAME }}
                      # Secrets of the Spaces, as the fleet file names them:
                      # DATABASE_URL: ${{ secrets.DATABASE_URL }}
                    run: |
            \(deploy.indented(10))

            """
    }

    private var gitlab: String {
        var jobs = ""
        for language in Self.languages {
            jobs += """
                .\(language.name.lowercased()):
                  stage: check
                  image: \(language.image)
                  script:
                    - cd "$FOLDER"
                    - |
                \(language.script.indented(6))


                """
        }
        for folder in folders {
            for language in Self.languages {
                let marks = language.marks.map { folder == "." ? $0 : "\(folder)/\($0)" }
                jobs += """
                    check \(folder) (\(language.name)):
                      extends: .\(language.name.lowercased())
                      variables:
                        FOLDER: \(Quote.script(folder))
                      rules:
                        - exists: [\(marks.map(Quote.script).joined(separator: ", "))]


                    """
            }
        }
        return notes + """
            stages: [check, deploy]

            variables:
              # The whole history.
              GIT_DEPTH: "0"

            \(jobs.trimmedEnd)

            .stoker:
              image: debian:12
              before_script:
                - apt-get update -qq && apt-get install -y -qq --no-install-recommends ca-certificates curl git git-lfs libsqlite3-0
                - git lfs install --local && git lfs pull
                - |
            \(Self.fetchStoker.indented(6))

            examine:
              extends: .stoker
              stage: check
              script:
                - |
            \(examine.indented(6))

            deploy:
              extends: .stoker
              stage: deploy
              # One after the other: a second push waits until the first one runs.
              resource_group: deploy
              rules:
                - if: $CI_COMMIT_BRANCH == "main" && $CI_PIPELINE_SOURCE != "merge_request_event"
              script:
                - |
            \(deploy.indented(6))

            """
    }
}

extension String {
    /// Each line behind so many spaces, but for empty ones.
    fileprivate func indented(_ count: Int) -> String {
        let margin = String(repeating: " ", count: count)
        return lines.map { $0.isEmpty ? "" : margin + $0 }.joined(separator: "\n")
    }
}
