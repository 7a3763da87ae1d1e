import Foundation
import StokerCore
import Testing

@testable import Diagnosis

/// Labelled logs: what really failing programs printed (`Corpus/recorded`), and what such programs print inside the noise of real logs
/// (`Corpus/composed`, written by `Corpus/compose.py`).
@Suite struct CorpusTests {
    struct Log: Decodable, Sendable {
        var file: String
        var kind: String
        /// The rule that is right as the first cause; `none`, or `unknown`.
        var expect: String
        var port: Int?
        var stage: String?
        var message: String?

        var isSilent: Bool { expect == "none" || expect == "unknown" }
    }

    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Corpus")

    static func logs() throws -> [(label: Log, report: DoctorReport)] {
        let labels = try JSONDecoder().decode(
            [Log].self, from: Data(contentsOf: folder.appendingPathComponent("labels.json")))
        return try labels.map { label in
            let text = LogText(bytes: Array(try Data(contentsOf: folder.appendingPathComponent(label.file))))
            let isBuild = label.kind == "build"
            let evidence = DoctorEvidence(
                state: Evidence(stage: label.stage.map { SpaceStage(rawValue: $0) }, message: label.message),
                runLog: isBuild ? nil : text, buildLog: isBuild ? text : nil, appPort: label.port)
            return (label, Doctor.standard.diagnose(evidence))
        }
    }

    @Test func theFirstCauseIsRightAndHealthyLogsRaiseNoAlarm() throws {
        let logs = try Self.logs()
        var wrong: [String] = []
        var alarms: [String] = []
        for (label, report) in logs {
            let first = report.outcome == .found ? report.causes[0].rule : report.outcome.rawValue
            if label.isSilent {
                if report.outcome == .found { alarms.append("\(label.file): \(first)") }
            } else if first != label.expect {
                wrong.append("\(label.file): \(first)")
            }
        }
        let failing = logs.count { !$0.label.isSilent }
        let silent = logs.count - failing
        #expect(failing >= 300 && silent >= 100)
        #expect(Double(failing - wrong.count) >= 0.95 * Double(failing), "\(wrong)")
        #expect(Double(silent - alarms.count) >= 0.98 * Double(silent), "\(alarms)")
    }

    @Test func everyCauseHasAProofThatStandsInTheLog() throws {
        for (label, report) in try Self.logs() {
            let lines = String(
                decoding: try Data(contentsOf: Self.folder.appendingPathComponent(label.file)), as: UTF8.self
            )
            .utf8.split(separator: 0x0A, omittingEmptySubsequences: false).count
            for cause in report.causes {
                #expect(!cause.proof.isEmpty || cause.rule == "P03", "\(label.file): \(cause.rule)")
                for proof in cause.proof where proof.source == .run || proof.source == .build {
                    #expect((1...lines).contains(proof.line ?? 0), "\(label.file): \(cause.rule)")
                }
                #expect(!cause.explanation.contains("{"), "\(label.file): \(cause.explanation)")
            }
        }
    }
}
