import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Every command line of docs/guides is run, against the simulated Hub.
    @Suite(.timeLimit(.minutes(5))) struct GuideTests {
        /// Guides, and how many blocks of each are not run; the comment before such a block says why.
        static let notRun = [
            "README.md": 1, "backend-and-frontend.md": 0, "free-plan.md": 0, "from-cron.md": 2, "local-to-space.md": 4,
            "master-in-a-space.md": 1, "persistence.md": 2, "postgres.md": 1, "workers.md": 4,
        ]
        static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("docs/guides")

        struct Block: Sendable {
            var line: Int
            var text: String
            /// Why it is not run.
            var reason: String?
        }

        static func blocks(_ guide: String) throws -> [Block] {
            let text = try String(contentsOf: folder.appendingPathComponent(guide), encoding: .utf8)
            var blocks: [Block] = []
            var open: Block?
            var before = ""
            for (number, line) in text.components(separatedBy: "\n").enumerated() {
                if var block = open {
                    if line == "```" {
                        blocks.append(block)
                        open = nil
                    } else {
                        block.text += line + "\n"
                        open = block
                    }
                } else if line == "```sh" {
                    let mark = before.firstMatch(of: /^<!-- not run: (.+) -->$/)
                    open = Block(line: number + 1, text: "", reason: mark.map { String($0.1) })
                }
                if !line.isEmpty { before = line }
            }
            #expect(open == nil, "\(guide): a block is not closed")
            return blocks
        }

        @Test func allGuidesAreKnownAndNoBlockIsLeftOutUnseen() throws {
            let found = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).filter {
                $0.hasSuffix(".md")
            }
            #expect(Set(found) == Set(Self.notRun.keys))
            for guide in found {
                let blocks = try Self.blocks(guide)
                #expect(blocks.count { $0.reason != nil } == Self.notRun[guide], "\(guide)")
                if guide != "README.md" { #expect(blocks.contains { $0.reason == nil }, "\(guide)") }
            }
        }

        @Test func linksOfGuidesLeadSomewhere() throws {
            for guide in Self.notRun.keys {
                let text = try String(contentsOf: Self.folder.appendingPathComponent(guide), encoding: .utf8)
                for match in text.matches(of: /\]\(([^)#:]+)(#[^)]*)?\)/) {
                    let place = Self.folder.appendingPathComponent(String(match.1)).standardizedFileURL.path
                    #expect(FileManager.default.fileExists(atPath: place), "\(guide): \(match.1)")
                }
            }
        }

        @Test(arguments: notRun.keys.sorted().filter { $0 != "README.md" })
        func everyCommandLineOfTheGuideWorks(guide: String) async throws {
            let blocks = try Self.blocks(guide).filter { $0.reason == nil }
            try await HubScratch.with("guide") { hub in
                var script = "set -euo pipefail\nstoker() { \"$STOKER\" \"$@\"; }\n"
                for block in blocks { script += "echo '+ \(guide):\(block.line)' >&2\n\(block.text)" }
                let file = try hub.scratch.write(script + "echo all-of-it\n", to: "guide.sh")
                try FileManager.default.createDirectory(
                    atPath: hub.scratch.path + "/work", withIntermediateDirectories: true)
                let child = try await hub.scratch.run(
                    "/bin/bash", ["-c", "cd work && exec bash \(file)"],
                    environment: hub.environment(
                        HubScratch.token,  // The program of the tests is large, and nobody downloads it.
                        ["STOKER": Binary.path, "HF_USERNAME": "maren", "XZ_OPT": "-0"]),
                    within: .seconds(240))
                #expect(child.exit == .code(0) && child.output.hasSuffix("all-of-it\n"), "\(child.tail)")
            }
        }
    }
}
