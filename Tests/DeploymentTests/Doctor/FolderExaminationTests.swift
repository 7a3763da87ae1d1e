import StokerCore
import Testing

@testable import Deployment

@Suite struct FolderExaminationTests {
    static let readme =
        "---\ntitle: Tides\nemoji: 🌊\ncolorFrom: blue\ncolorTo: indigo\nsdk: docker\napp_port: 7860\npinned: false\n---\n# Tides\n"
    static let docker = """
        # syntax=docker/dockerfile:1
        FROM python:3.12-slim AS build
        WORKDIR /app
        COPY requirements.txt .
        RUN --mount=type=cache,target=/root/.cache pip install --prefix=/install -r requirements.txt

        FROM python:3.12-slim
        RUN useradd -m -u 1000 user
        COPY --from=build /install /usr/local
        USER user
        WORKDIR /home/user/app
        COPY --chown=user . .
        EXPOSE 7860
        HEALTHCHECK CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/health')"
        CMD ["uvicorn", "main:app", "--host", "0.0.0.0", "--port", "7860"]
        """
    static let main =
        "import os\n\nfrom fastapi import FastAPI\nfrom pydantic import BaseModel\n\nfrom store import Store\n\napp = FastAPI()\n"

    /// A Space that is well; parts are replaced or, by nil, taken away.
    private func findings(
        _ changes: [String: String?] = [:], more: [FolderFacts.File] = [], secrets: [FolderFacts.Secret] = [],
        ignored: [String] = [], headerProblem: String? = nil
    ) -> [FolderFinding] {
        var files: [String: String] = [
            "README.md": Self.readme, "Dockerfile": Self.docker, "main.py": Self.main,
            "store.py": "class Store: health = '/health'\n", ".dockerignore": ".git\n",
            "requirements.txt":
                "fastapi==0.115.0\nuvicorn[standard]==0.32.0  # server\ngunicorn==23.0.0\nstreamlit==1.40.0\n",
        ]
        for (name, text) in changes { files[name] = text }
        return FolderExamination.findings(
            FolderFacts(
                files: files.map { FolderFacts.File(path: $0.key, size: Int64($0.value.utf8.count), text: $0.value) }
                    + more,
                secrets: secrets, ignored: ignored, headerProblem: headerProblem))
    }

    private func places(_ findings: [FolderFinding]) -> [String] {
        findings.map { "\($0.rule) \($0.file)\($0.line.map { ":\($0)" } ?? "")" }
    }

    /// Those that are more than information.
    private func grave(_ findings: [FolderFinding]) -> [FolderFinding] {
        findings.filter { "\($0.severity)" != "info" }
    }

    private func withCommand(_ command: String, environment: String = "") -> [String: String?] {
        let lines = Self.docker.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        return [
            "Dockerfile": lines.joined(separator: "\n")
                + "\n\(environment.isEmpty ? "" : environment + "\n")CMD \(command)\n"
        ]
    }

    @Test func goodTemplatesRaiseNoAlarm() {
        #expect(findings() == [])
        // The port by a variable, in the shell form and in a script.
        #expect(findings(withCommand("uvicorn main:app --host 0.0.0.0 --port ${PORT:-7860}")) == [])
        #expect(
            findings(
                withCommand("[\"sh\", \"start.sh\"]").merging([
                    "start.sh": "#!/bin/sh\nset -e\nexec gunicorn main:app -b 0.0.0.0:7860\n"
                ]) { _, new in new }) == [])
        #expect(findings(withCommand("[\"fastapi\", \"run\", \"main.py\", \"--port\", \"7860\"]")) == [])
        #expect(
            findings(withCommand("[\"streamlit\", \"run\", \"main.py\", \"--server.port=7860\"]")) == [])
    }

    @Test func aGoodGradioAndAGoodStaticSpaceRaiseNone() {
        let gradio = FolderFacts(files: [
            .init(path: "README.md", text: "---\nsdk: gradio\nsdk_version: \"5.10\"\napp_file: app.py\n---\n"),
            .init(
                path: "app.py",
                text:
                    "import gradio as gr\nimport numpy as np\nfrom PIL import Image\n\ngr.Interface(lambda x: x, 'text', 'text').launch()\n"
            ),
            .init(path: "requirements.txt", text: "gradio==5.10.0\npillow>=10,<12\n"),
        ])
        #expect(FolderExamination.findings(gradio) == [])
        let page = FolderFacts(files: [
            .init(path: "README.md", text: "---\nsdk: static\n---\n"), .init(path: "index.html", text: "<p>hi</p>"),
        ])
        #expect(FolderExamination.findings(page) == [])
    }

    @Test func aGoodNodeSpaceRaisesNone() {
        let node = FolderFacts(files: [
            .init(path: "README.md", text: "---\nsdk: docker\napp_port: 3000\n---\n"),
            .init(path: "package.json", text: "{}"), .init(path: "package-lock.json", text: "{}"),
            .init(path: "server.js", text: "app.listen(process.env.PORT || 3000, '0.0.0.0')\n"),
            .init(
                path: "Dockerfile",
                text:
                    "FROM node:22-slim\nWORKDIR /app\nCOPY package*.json ./\nRUN npm ci\nCOPY . .\nEXPOSE 3000\nCMD [\"node\", \"server.js\"]\n"
            ),
        ])
        #expect(grave(FolderExamination.findings(node)) == [])
    }

    @Test func theHeader() {
        #expect(places(findings(["README.md": nil])) == ["RT19 README.md"])
        #expect(places(findings(headerProblem: "its front matter is empty")) == ["RT19 README.md:1"])
        let bad =
            "---\ntitle: a\ncolorFrom: orange\ncolorTo: red\nsdk: docker\napp_port: web\nshort_description: \(String(repeating: "x", count: 61))\npython_version: 3.10\nhardware: t4-small\nbase_path: app\n---\n"
        #expect(
            places(findings(["README.md": bad])) == [3, 6, 7, 8, 9, 10].map { "B14 README.md:\($0)" })
        #expect(
            places(findings(["README.md": "---\nsdk: docker\n  a: [\n---\n"])).contains {
                $0.hasPrefix("B14 README.md:")
            })
        #expect(places(findings(["README.md": "---\nsdk: streamlit\n---\n"])).contains("B14 README.md:2"))
        #expect(places(findings(["Dockerfile": nil])) == ["RT21 README.md:6"])
    }

    @Test func portAndHost() {
        let line = 15
        #expect(
            places(findings(withCommand("[\"uvicorn\", \"main:app\"]"))) == [
                "P01 Dockerfile:\(line)", "P02 Dockerfile:\(line)",
            ])
        #expect(places(findings(withCommand("gunicorn main:app -b 127.0.0.1:7860"))) == ["P02 Dockerfile:\(line)"])
        #expect(places(findings(withCommand("gunicorn main:app --bind=0.0.0.0:8000"))) == ["P01 Dockerfile:\(line)"])
        #expect(places(findings(withCommand("gunicorn main:app", environment: "ENV PORT=7860"))) == [])
        #expect(places(findings(withCommand("streamlit run main.py"))) == ["P01 Dockerfile:\(line)"])
        #expect(places(findings(withCommand("python -m http.server 8080"))) == ["P01 Dockerfile:\(line)"])
        #expect(
            places(findings(withCommand("uvicorn main:app --host 0.0.0.0 --port 7860 --reload"))) == [
                "D22 Dockerfile:\(line)"
            ])
        #expect(
            places(findings(["README.md": Self.readme.replacing("app_port: 7860", with: "app_port: 8000")]))
                == ["P01 Dockerfile:13", "P01 Dockerfile:\(line)"])
        // The entry point of Python, Node and Go tells it in the code.
        #expect(
            places(
                findings(
                    withCommand("[\"python\", \"main.py\"]").merging([
                        "main.py":
                            "import uvicorn\nfrom fastapi import FastAPI\napp = FastAPI()\nuvicorn.run(app, host=\"127.0.0.1\", port=8000)\n"
                    ]) { _, new in new })) == ["P02 main.py:4", "P01 main.py:4"])
        #expect(
            places(
                findings(withCommand("[\"node\", \"s.js\"]").merging(["s.js": "x.listen(3000, 'localhost')\n"]) { $1 }))
                == ["P01 s.js:1", "P02 s.js:1"])
        #expect(
            places(
                findings(
                    withCommand("[\"/server\"]").merging([
                        "go.mod": "module x\n",
                        "main.go": "package main\nfunc main() { http.ListenAndServe(\":8080\", nil) }\n",
                    ]) { $1 })) == ["P01 main.go:2"])
    }

    /// The program of a release and the C library of the image that is to run it.
    @Test(
        arguments: [
            ("alpine:3.20", "musl"), ("python:3.13-alpine", "musl"), ("debian:11-slim", "2.31"),
            ("python:3.12-slim-bullseye", "2.31"),
            ("ubuntu:22.04", "2.35"), ("rockylinux:9", "2.34"), ("amazonlinux:2023", "2.34"),
            ("gcr.io/distroless/base-debian11:1", "2.31"),
            ("debian:12-slim", nil), ("python:3.13-slim", nil), ("python:3.13-slim-bookworm", nil),
            ("ubuntu:24.04", nil),
            ("node:22-slim", nil), ("acme/own:3", nil),
        ] as [(String, String?)]) func theImageCanRunStoker(image: String, library: String?)
    {
        let found = findings([
            "Dockerfile":
                "FROM debian:12-slim AS guard\nCOPY stoker.xz stoker.xz.sha256 ./\nFROM \(image)\nCOPY --from=guard /x/stoker /usr/local/bin/stoker\nUSER 1000\nENTRYPOINT [\"stoker\", \"guard\", \"--\"]\nCMD [\"./app\"]\n"
        ])
        let told = found.filter { $0.rule == "DF07" }
        #expect(told.count == (library == nil ? 0 : 1), "\(found.map(\.rule))")
        if let library { #expect(told.first?.text.contains(library) == true, "\(told)") }
        #expect(!found.contains { $0.rule == "B07" }, "the plan brings the program")
    }

    @Test func filesOfTheDockerfile() {
        #expect(places(findings(["requirements.txt": nil])).contains("B07 Dockerfile:4"))
        #expect(places(findings(["requirements.txt": nil], ignored: ["requirements.txt"])).contains("B07 Dockerfile:4"))
        #expect(
            places(grave(findings(["Dockerfile": "FROM python:3.12\nRUNN x\n"]))) == [
                "RT14 Dockerfile:1", "BD07 Dockerfile:2",
            ])
        #expect(
            places(findings(["Dockerfile": "FROM python\nCMD uvicorn main:app --host 0.0.0.0 --port 7860\n"])) == [
                "DF01 Dockerfile:1", "DF03 Dockerfile:2",
            ])
        #expect(
            places(
                findings(withCommand("[\"./start.sh\"]"), more: [.init(path: "start.sh", text: "#!/bin/sh\necho\n")]))
                == ["EP04 Dockerfile:15"])
        #expect(
            places(
                findings(
                    withCommand("[\"./start.sh\"]"),
                    more: [.init(path: "start.sh", isExecutable: true, text: "#!/bin/sh\r\necho\r\n")]))
                == ["EP04 Dockerfile:15", "EP01 start.sh:1"])
        #expect(
            places(
                grave(
                    findings([
                        "Dockerfile":
                            "FROM python:3.12\nRUN git clone https://$(cat /run/secrets/T)@x/y\nRUN nvidia-smi\nRUN mkdir -p /data/x\nRUN apt-get install -y cloudflared\n"
                    ])))
                == [
                    "RT14 Dockerfile:1", "B10 Dockerfile:2", "B12 Dockerfile:3", "B05 Dockerfile:5",
                    "RT04 Dockerfile:5",
                ])
    }

    @Test func requirements() {
        #expect(
            places(findings(["requirements.txt": "fastapi=>0.1\nuvicorn==1.0\npydantic==2.0\npydantic==1.10\n"])) == [
                "BD05 requirements.txt:1", "B01 requirements.txt:4",
            ])
        #expect(places(findings(["requirements.txt": "fastapi\nuvicorn\n"])) == ["RQ01 requirements.txt:1"])
        #expect(places(findings(["main.py": Self.main + "import cv2\n"])) == ["D01 main.py:9"])
        // Inside a function, in a text, or perhaps missing: nothing is sure.
        #expect(
            places(
                findings([
                    "main.py": Self.main
                        + "try:\n    import torch\nexcept ImportError:\n    pass\nx = \"\"\"\nimport torch\n\"\"\"\n"
                ])) == [])
        #expect(
            places(
                grave(
                    findings([
                        "requirements.txt": "-r base.txt\nfastapi==0.115.0\nuvicorn==0.32.0\n",
                        "main.py": Self.main + "import torch\n",
                    ]))) == [])
        for line in [
            "torch==2.5.1+cpu", "a @ https://x/y.whl", "b>=1,<2 ; python_version < '3.9'",
            "--extra-index-url https://x", "c~=1.0 --hash=sha256:aa", "d[all]>=2.0", "e>=1.0, !=1.3",
        ] {
            #expect(PythonRequirements(line).invalid.isEmpty, "\(line)")
        }
    }

    /// With Windows line ends the lines are the same ones.
    @Test func windowsLineEndsHideNothing() {
        let files = [
            "README.md": "---\r\nsdk: docker\r\ncolorTo: orange\r\n---\r\n",
            "Dockerfile": "FROM python:3.12\r\nCOPY none .\r\nCMD [\"python\", \"main.py\"]\r\n",
            "main.py": "from flask import Flask\r\napp = Flask(__name__)\r\napp.run(port=8000)\r\n",
            "requirements.txt": "flask==3.0.0\r\nfastapi=>1\r\n",
        ]
        let found = FolderExamination.findings(
            FolderFacts(files: files.map { FolderFacts.File(path: $0.key, text: $0.value) }))
        #expect(
            places(grave(found)) == [
                "B07 Dockerfile:2", "B14 README.md:3", "P02 main.py:3", "P01 main.py:3", "BD05 requirements.txt:2",
            ])
    }

    @Test func filesThatAreNotWhatTheySeem() {
        #expect(
            places(
                findings(
                    more: [
                        .init(path: "model.bin", size: 130, isPointer: true), .init(path: "film.mp4", size: 40_000_000),
                    ],
                    secrets: [
                        .init(path: ".env", reason: "environment files usually hold secrets"),
                        .init(path: "main.py", line: 4, reason: "here stands a token of GitHub"),
                    ]))
                == ["G15 .env", "G02 film.mp4", "G15 main.py:4", "MF01 model.bin:1"])
        #expect(places(findings(["db.py": "URL = 'postgresql://a:b@ep-1.neon.tech/db'\n"])) == ["DB04 db.py:1"])
        #expect(
            places(
                findings([
                    "db.py":
                        "URL = 'postgresql://a:b@ep-1.neon.tech/db?sslmode=require'\nT = 'postgresql://localhost/db'\n"
                ])) == [])
    }

    /// Each in a Space that is otherwise well.
    @Test func whatIsStartedIsFollowed() {
        // Through a shell with settings, a wrapper, package.json, a module, and to a value that is set above.
        #expect(findings(withCommand("PORT=7860 gunicorn main:app -b 0.0.0.0:$PORT")) == [])
        #expect(
            findings(withCommand("[\"tini\", \"--\", \"uvicorn\", \"main:app\", \"--host=0.0.0.0\", \"--port=7860\"]"))
                == [])
        #expect(
            places(
                findings(
                    withCommand("[\"npm\", \"start\"]").merging([
                        "package.json": "{\n  \"scripts\": {\n    \"start\": \"node s.js\"\n  }\n}\n",
                        "s.js": "const port = Number(process.env.PORT) || 3000\nserver.listen(port)\n",
                    ]) { $1 })) == ["P01 s.js:2"])
        #expect(
            places(
                findings(
                    withCommand("[\"python\", \"-m\", \"app.serve\"]").merging([
                        "app/__init__.py": "",
                        "app/serve.py":
                            "import os\nimport uvicorn\n\nPORT = int(os.getenv(\"PORT\", \"8000\"))\nuvicorn.run(\n    \"main:app\",\n    host=\"0.0.0.0\",\n    port=PORT,\n)\n",
                    ]) { $1 })) == ["P01 app/serve.py:5"])
        // What is told by a variable that the image sets.
        #expect(
            findings(
                withCommand("[\"python\", \"serve.py\"]", environment: "ENV PORT=7860").merging([
                    "serve.py":
                        "import os, uvicorn\nuvicorn.run('main:app', host='0.0.0.0', port=int(os.environ.get('PORT', 8000)))\n"
                ]) { $1 }) == [])
        // A value that nobody knows is no finding.
        #expect(
            findings(
                withCommand("[\"python\", \"serve.py\"]").merging([
                    "serve.py":
                        "import uvicorn\nfrom store import settings\nuvicorn.run('main:app', host='0.0.0.0', port=settings.port)\n"
                ]) { $1 }) == [])
    }

    @Test func dockerIgnoreIsReadAsTheBuilderDoes() {
        let rules = DockerIgnore("# a\n*.log\n**/cache\n/docs\n!docs/keep.md\na/b?\n[x-z]*\n")
        for path in ["a.log", "cache", "deep/er/cache/x", "docs/a.md", "a/bc", "yes"] {
            #expect(rules.leavesOut(path), "\(path)")
        }
        for path in ["sub/a.log", "docs/keep.md", "a/b", "main.py", "a.logs"] {
            #expect(!rules.leavesOut(path), "\(path)")
        }
    }

    @Test func commandsOfAShell() {
        let commands = ShellCommand.all(
            "set -e\nA=1 B='x y' exec uvicorn main:app --port \"${PORT:-7860}\" # why\ncd /app && npm ci; x || y & z\n")
        #expect(
            commands.map(\.words) == [
                ["set", "-e"], ["uvicorn", "main:app", "--port", "${PORT:-7860}"], ["cd", "/app"], ["npm", "ci"], ["x"],
                ["y"], ["z"],
            ])
        #expect(commands[1].settings == ["A": "1", "B": "x y"] && commands[1].line == 1)
        #expect(
            ShellCommand(words: ["uv", "run", "--no-sync", "-p", "3.12", "python", "a.py"]).unwrapped.words == [
                "python", "a.py",
            ])
        #expect(ShellCommand(words: ["gosu", "user", "app", ">", "log", "2>&1"]).unwrapped.words == ["app"])
    }
}
