import Testing

@testable import Deployment

@Suite struct DockerfileTests {
    @Test func linesThatGoOnAreOneInstructionAtItsFirstLine() throws {
        let file = Dockerfile(
            """
            # syntax=docker/dockerfile:1
            # A comment with a = sign
            FROM python:3.12-slim
            RUN apt-get update && \\
                # why git
                apt-get install -y \\

                git
            CMD ["python", "app.py"]
            """)
        #expect(file.mistakes == [] && file.syntax == "docker/dockerfile:1")
        let stage = try #require(file.last)
        #expect(stage.instructions.map(\.name) == ["RUN", "CMD"])
        #expect(stage.instructions.map(\.line) == [4, 9])
        #expect(stage.instructions[0].text.hasSuffix("git"))
        #expect(stage.instructions[1].list == ["python", "app.py"])
    }

    @Test func theEscapeMayBeABacktick() throws {
        let file = Dockerfile("# escape=`\nFROM a:1\nRUN one `\n  two\nCOPY a\\b c\n")
        #expect(file.last?.instructions.map(\.line) == [3, 5])
        #expect(file.last?.instructions.first?.words == ["one", "two"])
    }

    @Test func heredocsAreNoInstructions() throws {
        let file = Dockerfile(
            """
            FROM python:3.12
            RUN <<EOF
            FROM nothing
            NOTHING at all
            EOF
            COPY <<-"start" <<other /app/
            \techo $HOME
            \tstart
            second
            other
            RUN cat <<<text
            EXPOSE 7860
            """)
        #expect(file.mistakes == [])
        let steps = try #require(file.last).instructions
        #expect(steps.map(\.name) == ["RUN", "COPY", "RUN", "EXPOSE"])
        #expect(steps[0].heredocs == [.init(name: "EOF", text: "FROM nothing\nNOTHING at all", line: 3)])
        #expect(steps[1].heredocs.map(\.name) == ["start", "other"])
        #expect(steps[1].heredocs.map(\.text) == ["echo $HOME", "second"])
        #expect(steps[3].line == 12)
    }

    @Test func stagesAndArguments() throws {
        let file = Dockerfile(
            """
            ARG VERSION=3.12
            ARG TAG
            FROM --platform=linux/amd64 python:${VERSION}${TAG:--slim} AS Build
            ARG EXTRA=1
            FROM node:$VERSION
            COPY --from=build --chown=1000 /a /b
            ENV PORT=7860 HOST="0.0.0.0"
            ENV OLD some words
            """)
        #expect(file.stages.map(\.image) == ["python:3.12-slim", "node:3.12"])
        #expect(file.stages[0].name == "build")
        let stage = try #require(file.last)
        #expect(stage.instructions[0].flag("from") == "build" && stage.instructions[0].flags.count == 2)
        #expect(file.environment(of: stage) == ["PORT": "7860", "HOST": "0.0.0.0", "OLD": "some words"])
        #expect(
            Dockerfile.filled("--port ${PORT:-8000} $HOST ${NO-x} $", file.environment(of: stage))
                == "--port 7860 0.0.0.0 x $")
    }

    @Test(arguments: [
        ("FROM a:1\nRUNN make", 2), ("RUN make\nFROM a:1", 1), ("FROM a:1 b", 1), ("FROM a:1\nRUN <<EOF\nx", 2),
        ("# nothing", 1), ("FROM a:1\nCMD", 2),
    ]) func mistakesHaveTheirLine(text: String, line: Int) {
        #expect(Dockerfile(text).mistakes.map(\.line) == [line], "\(Dockerfile(text).mistakes)")
    }

    @Test func windowsLineEndsAndAByteOrderMarkAreNoTrouble() {
        let file = Dockerfile("\u{FEFF}FROM a:1\r\nRUN one \\\r\n two\r\n")
        #expect(file.mistakes == [] && file.last?.instructions.first?.words == ["one", "two"])
    }

    @Test func anythingAtAllIsReadToItsEnd() {
        for text in [
            "", "\\", "FROM \\", "FROM a\\\n\\\n\\", "RUN <<", "FROM a\nRUN <<A <<B", "[", "FROM a\nCMD [\"", "#=",
            "FROM ${", "\u{FEFF}",
        ] {
            _ = Dockerfile(text)
        }
    }
}
