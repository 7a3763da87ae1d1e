import Deployment
import Foundation
import HubClient
import StokerCore
import Testing

@testable import Operations

/// The plan behind a plan that was carried out is empty, whatever was in it.
@Suite(.timeLimit(.minutes(5))) struct RandomFleetTests {
    private struct Dice: RandomNumberGenerator {
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

    /// A fleet file and the folders it names.
    private static func write(_ dice: inout Dice, _ scratch: DeployScratch, spaces: Int) throws -> String {
        var text = "hub: { namespace: maren }\n"
        if dice.flip() { text += "deploy: { visibility: \(dice.pick(["private", "public"])), tags: [fleet] }\n" }
        text += "spaces:\n"
        let words = ["plain", "with: colon", "quote \" here", "$$dollar", "umlaut ä 🚀", "5", "true", "a\\\\b", ""]
        for number in 0..<spaces {
            let name = "s\(number)"
            let isStatic = dice.pick([0, 1, 2]) == 0
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

    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64]) func theSecondPlanIsEmpty(_ seed: UInt64) async throws {
        try await DeployScratch.with { scratch in
            var dice = Dice(state: seed)
            let text = try Self.write(&dice, scratch, spaces: 5)
            let values = ["ONE": "first-\(seed)", "TWO": "second"]
            _ = try await scratch.hub.ensureBucket("maren", "state")
            let first = try await scratch.prepare(text, values)
            #expect(first.plan.spaces.allSatisfy { $0.action == .create }, "\(text)")
            #expect(first.plan.obstacles == [], "\(text)\n\(first.plan.obstacles)")
            try await scratch.make(first)
            for _ in 0..<2 {
                let again = try await scratch.prepare(text, values)
                #expect(again.plan.spaces.flatMap(\.changes) == [], "seed \(seed)\n\(text)")
            }
        }
    }
}
