import ArgumentParser
import CommandLine
import Diagnosis
import Testing

/// What a diagnosis advises to type is a command of this program.
@Suite struct AdvisedCommandTests {
    static let advised: [String] = {
        let signatures = Doctor.standard.rules.flatMap { [$0.command, $0.verify] }.filter { !$0.isEmpty }
        let sentences = DiagnosisRules.all.compactMap { $0.next("{space}") }
        let quoted = sentences.flatMap { sentence in
            sentence.split(separator: "`", omittingEmptySubsequences: false).enumerated()
                .filter { $0.offset % 2 == 1 }.map { String($0.element) }
        }
        return Set(signatures + quoted).filter { $0.hasPrefix("stoker ") }.sorted()
    }()

    @Test func thereAreSome() {
        #expect(Self.advised.count > 15)
    }

    @Test(arguments: advised) func isUnderstood(command: String) {
        let words = command.replacing("{space}", with: "acme/bot").replacing("OWNER/NAME", with: "acme/bot")
            .split(separator: " ").dropFirst().map(String.init)
        #expect(throws: Never.self) { _ = try StokerCommand.parseAsRoot(words) }
    }
}
