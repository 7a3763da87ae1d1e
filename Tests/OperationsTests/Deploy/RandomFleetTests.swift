import Deployment
import Foundation
import HubClient
import HubSimulator
import StokerCore
import Testing

@testable import Operations

/// The plan behind a plan that was carried out is empty, whatever was in it: for new Spaces, and for those that another fleet file changes.
///
/// `STOKER_RANDOM_FLEETS` is how many fleets, default 6 (`make deploy-campaign` makes 200); `STOKER_RANDOM_SEED` plays that one alone.
@Suite(.timeLimit(.minutes(60))) struct RandomFleetTests {
    /// A fleet file and the folders it names.
    /// - Parameter isStatic: which of the Spaces have no container.
    private static func write(_ dice: inout Dice, _ scratch: DeployScratch, isStatic: [Bool]) throws -> String {
        var text = "hub: { namespace: maren }\n"
        if dice.flip() { text += "deploy: { visibility: \(dice.pick(["private", "public"])), tags: [fleet] }\n" }
        text += "spaces:\n"
        let words = ["plain", "with: colon", "quote \" here", "$$dollar", "umlaut ä 🚀", "5", "true", "a\\\\b", ""]
        for (number, isStatic) in isStatic.enumerated() {
            let name = "s\(number)"
            text += "  \(name):\n"
            if number > 0, dice.flip() { text += "    depends_on: [s\(Int.random(in: 0..<number, using: &dice))]\n" }
            text +=
                "    deploy:\n      from: ./\(name)\n      sdk: \(isStatic ? "static" : dice.pick(["docker", "gradio"]))\n"
            if dice.flip() {
                text +=
                    "      readme: { title: \(JSONValue.string(dice.pick(words.filter { !$0.isEmpty })).text), emoji: 🚀, pinned: \(dice.flip()), license: \(dice.pick(["mit", "[mit, apache-2.0]"])) }\n"
            }
            if dice.flip() {
                text += "      variables: { A: \(JSONValue.string(dice.pick(words)).text), B_\(number): x }\n"
            }
            if !isStatic {
                if dice.flip() { text += "      secrets: [ONE, TWO]\n" }
                if dice.flip() {
                    text += "      hardware: \(dice.pick(["t4-small", "cpu-upgrade"]))\n"
                    if dice.flip() { text += "      sleep: \(dice.pick(["never", "1h", "90m"]))\n" }
                }
                if dice.flip() {
                    text += "      volumes: [\"hf://buckets/maren/state:/data\(dice.pick(["", ":ro"]))\"]\n"
                }
            }
            if dice.flip() { text += "      ignore: [variables.SEEN]\n" }
            if dice.flip() {
                try scratch.write(
                    "\(name)/README.md",
                    dice.pick(["# Text only\n", "---\n# kept\ntitle: Old\nsdk: docker\ntags:\n  - a\n---\nText\n"]))
            }
            try scratch.write("\(name)/index.html", "<p>\(number)</p>\n")
            for file in 0..<Int.random(in: 0...4, using: &dice) {
                try scratch.write(
                    "\(name)/deep/er/f\(file) ü.txt", String(repeating: "line \(file)\n", count: file * 50))
            }
            if dice.flip() {
                try scratch.write(
                    "\(name)/model.bin", Data((0..<200_000).map { _ in UInt8.random(in: 0...255, using: &dice) }))
            }
            if dice.flip() { try scratch.write("\(name)/.gitattributes", "*.txt text\n") }
            if dice.flip() { try scratch.write("\(name)/.gitignore", "*.log\n") }
            try scratch.write("\(name)/noise.log", "x")
        }
        return text
    }

    private static let seeds: ClosedRange<Int> =
        if let seed = DeployScratch.number("STOKER_RANDOM_SEED") { seed...seed } else {
            1...max(1, DeployScratch.number("STOKER_RANDOM_FLEETS") ?? 4)
        }

    @Test func theSecondPlanIsEmpty() async throws {
        var (spaces, changes) = (0, 0)
        for seed in Self.seeds {
            let made = try await Self.play(UInt64(seed))
            spaces += made.spaces
            changes += made.changes
            if seed % 20 == 0 { print("random fleets so far: \(seed)") }
        }
        print(
            "random fleets: \(Self.seeds.count) fleets, \(spaces) Spaces, \(changes) changes carried out; every second plan is empty unless told above"
        )
    }

    private static func play(_ seed: UInt64) async throws -> (spaces: Int, changes: Int) {
        var configuration = HubConfiguration()
        configuration.limits.quotas = [.api: 1_000_000, .pages: 1_000_000, .resolvers: 1_000_000]
        return try await DeployScratch.with(configuration) { scratch in
            var dice = Dice(state: seed)
            let isStatic = (0..<5).map { _ in dice.pick([true, false, false]) }
            _ = try await scratch.hub.ensureBucket("maren", "state")
            var changes = 0
            for round in 1...2 {
                // The second fleet is another one, of the same names: all of the first has to make room.
                for number in isStatic.indices {
                    try? FileManager.default.removeItem(atPath: scratch.folder + "/s\(number)")  // not there yet
                }
                let text = try write(&dice, scratch, isStatic: isStatic)
                let values = ["ONE": "first-\(seed)-\(dice.flip() ? 1 : round)", "TWO": "second"]
                let story = Comment(rawValue: "seed \(seed), round \(round)\n\(text)")
                let first = try await scratch.prepare(text, values)
                #expect(round == 2 || first.plan.spaces.allSatisfy { $0.action == .create }, story)
                #expect(first.plan.obstacles == [], story)
                changes += first.plan.spaces.reduce(0) { $0 + $1.changes.count }
                do { try await scratch.carryOut(first) } catch {
                    Issue.record("\(error) \(story.rawValue)")
                    break
                }
                for _ in 0..<2 {
                    let again = try await scratch.prepare(text, values)
                    #expect(again.plan.spaces.flatMap(\.changes) == [], story)
                }
            }
            return (isStatic.count, changes)
        }
    }
}

/// SplitMix64.
struct Dice: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
    mutating func flip() -> Bool { Bool.random(using: &self) }
    mutating func pick<T>(_ items: [T]) -> T { items[Int.random(in: 0..<items.count, using: &self)] }
}
