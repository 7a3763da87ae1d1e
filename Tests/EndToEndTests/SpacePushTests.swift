import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// What `space push` says of what it does not send, and of what git cannot.
    @Suite(.timeLimit(.minutes(2))) struct SpacePushTests {
        private static let space = "maren/orbit-api"

        private func git(_ hub: HubScratch, _ words: String...) async throws {
            let child = try await hub.scratch.run(
                "/usr/bin/git", ["-c", "user.name=m", "-c", "user.email=m@example.org"] + words)
            #expect(child.exit == .code(0), "git \(words): \(child.tail)")
        }

        private func head(_ hub: HubScratch) async throws -> String? { try await hub.state(Self.space).head.string }

        @Test func whatIsNotCommittedIsTold() async throws {
            try await HubScratch.with("dirty") { hub in
                try await git(hub, "clone", "-q", "\(hub.endpoint)/spaces/\(Self.space)", "wc")
                try hub.scratch.write("committed\n", to: "wc/a.txt")
                try hub.scratch.write("to be renamed\n", to: "wc/old.txt")
                try await git(hub, "-C", "wc", "add", ".")
                try await git(hub, "-C", "wc", "commit", "-qm", "a")
                let clean = try await hub.json("space", "push", Self.space, "wc")
                #expect(clean.uncommitted.array.isEmpty)
                try hub.scratch.write("changed\n", to: "wc/a.txt")
                try hub.scratch.write("new\n", to: "wc/b c.txt")
                try await git(hub, "-C", "wc", "mv", "old.txt", "new.txt")
                let before = try await head(hub)
                let dirty = try await hub.stoker("space", "push", Self.space, "wc")
                #expect(dirty.exit == .code(0), "\(dirty.tail)")
                #expect(dirty.output.contains("not sent, because not committed: "), "\(dirty.tail)")
                let told = try await hub.json("space", "push", Self.space, "wc")
                #expect(Set(told.uncommitted.array.compactMap(\.string)) == ["a.txt", "b c.txt", "new.txt"])
                #expect(try await head(hub) == before)
                let other = try await hub.json("space", "push", Self.space, "wc", "--ref", "HEAD~1", "--force", "--yes")
                #expect(other.uncommitted.array.isEmpty, "another commit than the one that lies there")
            }
        }

        @Test func offlineMeansGitToo() async throws {
            try await HubScratch.with("offline") { hub in
                try await git(hub, "clone", "-q", "\(hub.endpoint)/spaces/\(Self.space)", "wc")
                try await git(hub, "-C", "wc", "commit", "-q", "--allow-empty", "-m", "x")
                let before = try await head(hub)
                let child = try await hub.stoker(
                    "space", "push", Self.space, "wc", "--json", environment: ["HF_HUB_OFFLINE": "1"])
                #expect(child.exit == .code(3), "\(child.tail)")
                #expect(try ClientCommandTests.error(child).code.string == "hub.not_sent")
                #expect(try await head(hub) == before)
            }
        }

        @Test func whatHelpsIsSaid() async throws {
            try await HubScratch.with("refused") { hub in
                try FileManager.default.createDirectory(
                    atPath: hub.scratch.path + "/full", withIntermediateDirectories: true)
                try await git(hub, "init", "-q", "full")
                for text in ["1", "2", "3"] {
                    try hub.scratch.write(text, to: "full/f")
                    try await git(hub, "-C", "full", "add", ".")
                    try await git(hub, "-C", "full", "commit", "-qm", text)
                }
                try await git(hub, "clone", "-q", "--depth", "1", "file://\(hub.scratch.path)/full", "shallow")
                let push = ["space", "push", Self.space, "shallow"]
                for (words, code) in [
                    (push, "hub.conflict"), (push + ["--force", "--yes"], "hub.conflict"),
                ] {
                    let child = try await hub.scratch.run(
                        Binary.path, words + ["--json"], environment: hub.environment())
                    let told = try ClientCommandTests.error(child)
                    #expect(told.code.string == code)
                    #expect(told.hint.string?.contains("--unshallow") == true, "\(child.tail)")
                    #expect(told.hint.string?.contains("fetch-depth: 0") == true)
                }
                let quiet = try await hub.scratch.run(
                    Binary.path, push + ["--force", "--yes", "--format", "quiet"], environment: hub.environment())
                #expect(quiet.errors.contains("shallow update not allowed"), "git's own words stay: \(quiet.tail)")
                let reading = try await hub.stoker(
                    "space", "push", Self.space, "full", "--force", "--yes", "--json", token: "hf_maren_read")
                #expect(try ClientCommandTests.error(reading).code.string == "hub.forbidden")
                #expect(
                    try ClientCommandTests.error(reading).hint.string?.contains("the token needs write access") == true)
                let nobody = try await hub.stoker(
                    "space", "push", Self.space, "full", "--force", "--yes", "--json", token: nil)
                #expect(try ClientCommandTests.error(nobody).hint.string?.contains("give a token") == true)
                let behind = try await hub.stoker("space", "push", Self.space, "full", "--json")
                #expect(try ClientCommandTests.error(behind).hint.string?.contains("git pull ") == true)
            }
        }

        /// One name that is too long for a DNS name must not make the whole file unusable.
        @Test func longNamesAndStaticSpacesOfTheHubAreTold() async throws {
            try await HubScratch.with("longname") { hub in
                let long = "a-name-that-is-much-too-long-for-one-label-of-the-domain-name-system"
                try await hub.admin("spaces", #"{"id": "maren/\#(long)", "sdk": "docker"}"#)
                try await hub.admin("spaces", #"{"id": "maren/page", "sdk": "static"}"#)
                let made = try await hub.stoker("init", "--from-hub", "-o", "fleet.yaml")
                #expect(made.exit == .code(0), "\(made.tail)")
                #expect(
                    made.errors.contains("left out 1 static Space") && made.errors.contains("maren/page"),
                    "\(made.tail)")
                let text = try String(contentsOfFile: hub.scratch.path + "/fleet.yaml", encoding: .utf8)
                #expect(text.contains(long))
                let checked = try await hub.stoker("check-config", "fleet.yaml")
                #expect(checked.exit == .code(0), "\(checked.tail)")
            }
        }

        @Test func aMoveIsDoneWhetherItsAddressCanBeAskedForOrNot() async throws {
            try await HubScratch.with("moved") { hub in
                try await hub.admin(
                    "faults", #"{"kind": "status", "status": 501, "path": "/api/spaces/*/*/host", "times": null}"#)
                let moved = try await hub.json("space", "move", "maren/worker", "maren/helper", "--yes")
                #expect(moved.space.string == "maren/helper")
                #expect(moved.address == .null)
            }
        }
    }
}
