import Foundation
import StokerCore

/// A transcript as JSON of at most 8 KiB: a million checks that all fail must not fill the disk with pages of errors.
enum TranscriptCodec {
    static let limit = 8_192

    static func encode(_ transcript: Transcript) throws -> Data {
        let encoder = JSONEncoder.stable
        var shorter = transcript
        var data = try encoder.encode(shorter)
        // Bodies first, then headers, then the older of many exchanges: what is nearest to the judgement stays longest.
        var allowance = 1_024
        while data.count > limit, allowance >= 16 {
            allowance /= 2
            shorter.detail = String(shorter.detail.prefix(allowance * 2))
            shorter.tls = shorter.tls.prefix(8).map { String($0.prefix(allowance)) }
            shorter.exchanges = shorter.exchanges.suffix(max(1, allowance / 64)).map { exchange in
                var cut = exchange
                cut.body = String(cut.body.prefix(allowance))
                cut.sent = cut.sent.prefix(max(1, allowance / 16)).map { String($0.prefix(allowance)) }
                cut.received = cut.received.prefix(max(1, allowance / 16)).map { String($0.prefix(allowance)) }
                cut.phases = Array(cut.phases.prefix(8))
                return cut
            }
            data = try encoder.encode(shorter)
        }
        return data
    }

    static func decode(_ data: Data) throws -> Transcript { try JSONDecoder().decode(Transcript.self, from: data) }
}
