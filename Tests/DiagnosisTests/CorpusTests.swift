import Foundation
import StokerCore
import Testing

@testable import Diagnosis

/// Labelled logs: `Corpus/README.md` says where each bundle is from, and what the rules made of it when they saw it first.
@Suite struct CorpusTests {
    struct Label: Decodable, Sendable {
        var name: String
        var kind: String
        /// The rules of which one is right as the first cause, between bars; `none`, or `unknown`.
        var expect: String
        var port: Int?
        var stage: String?
        var message: String?

        var isSilent: Bool { expect == "none" || expect == "unknown" }
        func isRight(_ rule: String) -> Bool { expect.split(separator: "|").contains { $0 == rule } }
    }
    struct Log: Sendable {
        var label: Label
        var text: LogText
        var bytes: Int

        var evidence: DoctorEvidence {
            let isBuild = label.kind == "build"
            return DoctorEvidence(
                state: Evidence(stage: label.stage.map { SpaceStage(rawValue: $0) }, message: label.message),
                runLog: isBuild ? nil : text, buildLog: isBuild ? text : nil, appPort: label.port)
        }
        var lines: Int { text.count }
    }

    static let bundles = [
        "recorded", "composed", "field-1", "field-2", "field-3", "field-4", "field-5", "field-6", "field-7", "field-8",
    ]

    /// The file that is compiled in, as it stands in the sources.
    static let doctor: Doctor? = {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Sources/StokerAssets/Files/diagnosis.yaml")
        return (try? String(contentsOf: file, encoding: .utf8)).flatMap { try? RuleFile(builtIn: $0) }
            .map { Doctor($0) }
    }()

    static func logs(_ bundle: String) throws -> [Log] {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Corpus/\(bundle).logs")
        let text = "\n" + String(decoding: try Data(contentsOf: file), as: UTF8.self)
        return try text.components(separatedBy: "\n%%% ").dropFirst().map { part in
            let head = part.prefix { $0 != "\n" }
            let body = Array(part.utf8.dropFirst(head.utf8.count + 1))
            return Log(
                label: try JSONDecoder().decode(Label.self, from: Data(head.utf8)), text: LogText(bytes: body),
                bytes: body.count)
        }
    }

    @Test func theFirstCauseIsRightAndHealthyLogsRaiseNoAlarm() throws {
        let doctor = try #require(Self.doctor)
        var wrong: [String] = []
        var alarms: [String] = []
        var (failing, silent) = (0, 0)
        for bundle in Self.bundles {
            var (count, right, quietCount, quiet) = (0, 0, 0, 0)
            for log in try Self.logs(bundle) {
                let report = doctor.diagnose(log.evidence)
                let first = report.outcome == .found ? report.causes[0].rule : report.outcome.rawValue
                let place = "\(bundle)/\(log.label.name)"
                if log.label.isSilent {
                    quietCount += 1
                    if report.outcome == .found { alarms.append("\(place): \(first)") } else { quiet += 1 }
                } else {
                    count += 1
                    if log.label.isRight(first) {
                        right += 1
                    } else {
                        wrong.append("\(place): \(first), not \(log.label.expect)")
                    }
                }
            }
            print("\(bundle): \(right) of \(count) right, \(quiet) of \(quietCount) silent")
            // A bundle alone keeps the bars, too: none hides behind another.
            #expect(Double(right) >= 0.95 * Double(count), "\(bundle): \(wrong)")
            #expect(Double(quiet) >= 0.98 * Double(quietCount) - 1, "\(bundle): \(alarms)")
            failing += count
            silent += quietCount
        }
        #expect(failing >= 300 && silent >= 100)
        #expect(Double(failing - wrong.count) >= 0.95 * Double(failing), "\(wrong)")
        #expect(Double(silent - alarms.count) >= 0.98 * Double(silent), "\(alarms)")
        if !wrong.isEmpty || !alarms.isEmpty { print("wrong: \(wrong)\nalarms: \(alarms)") }
    }

    @Test func everyCauseHasAProofThatStandsInTheLog() throws {
        let doctor = try #require(Self.doctor)
        for bundle in Self.bundles {
            for log in try Self.logs(bundle) {
                for cause in doctor.diagnose(log.evidence).causes {
                    #expect(!cause.proof.isEmpty || cause.rule == "P03", "\(log.label.name): \(cause.rule)")
                    for proof in cause.proof where proof.source == .run || proof.source == .build {
                        #expect((1...log.lines).contains(proof.line ?? 0), "\(log.label.name): \(cause.rule)")
                    }
                    #expect(!cause.explanation.contains("{"), "\(log.label.name): \(cause.explanation)")
                }
            }
        }
    }

    /// The bar is 200 ms per MB with a release build; what this build takes is told, not judged.
    @Test func whatAMegabyteCosts() throws {
        let doctor = try #require(Self.doctor)
        // Failures at the end of a long day's log.
        let logs = try Self.logs("field-1").filter { $0.label.kind == "run" }
        var lines: [String] = []
        var bytes = 0
        while bytes < 2_000_000 {
            for log in logs {
                for line in 0..<log.text.count {
                    lines.append(log.text[line])
                    bytes += log.text[line].utf8.count + 1
                }
            }
        }
        let text = LogText(lines: lines)
        let time = ContinuousClock().measure { _ = doctor.diagnose(DoctorEvidence(runLog: text)) }
        let milliseconds = Double(time.components.seconds) * 1_000 + Double(time.components.attoseconds) / 1e15
        print("\(Int(milliseconds / (Double(bytes) / 1_000_000))) ms/MB over \(bytes / 1_000_000) MB")
        #expect(text.count == lines.count)
    }
}
