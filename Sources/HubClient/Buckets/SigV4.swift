import Crypto
package import FoundationEssentials
package import StokerCore

/// Signs requests to an S3 gateway: AWS Signature Version 4, with the whole payload hashed beforehand.
///
/// Source: AWS documentation, "Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)", whose examples the tests
/// repeat.
package struct SigV4: Sendable {
    package var accessKey: String
    package var secretKey: Secret
    package var region: String

    package init(accessKey: String, secretKey: Secret, region: String = "us-east-1") {
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.region = region
    }

    /// The headers that make a request good: `Authorization`, `x-amz-date` and `x-amz-content-sha256`.
    /// - Parameters:
    ///   - path: percent-encoded, as it is sent.
    ///   - query: names and values before encoding.
    ///   - headers: those that are signed besides; `host` must be among them.
    package func headers(
        method: String, path: String, query: [(String, String)], headers: [(String, String)], payload: Data,
        at date: Date
    ) -> [(String, String)] {
        let stamp = Self.stamp(date)
        let day = String(stamp.prefix(8))
        let hash = Hex.text(SHA256.hash(data: payload))
        let own = [("x-amz-content-sha256", hash), ("x-amz-date", stamp)]
        let signed = (headers.map { ($0.0.lowercased(), Self.folded($0.1)) } + own).sorted { $0.0 < $1.0 }
        let names = signed.map(\.0).joined(separator: ";")
        let lines = signed.map { "\($0.0):\($0.1)\n" }.joined()
        let canonical = [method, path, Self.query(query), lines, names, hash].joined(separator: "\n")
        let scope = "\(day)/\(region)/s3/aws4_request"
        let text = "AWS4-HMAC-SHA256\n\(stamp)\n\(scope)\n\(Hex.text(SHA256.hash(data: Data(canonical.utf8))))"
        var key = SymmetricKey(data: Data("AWS4\(secretKey.reveal())".utf8))
        for part in [day, region, "s3", "aws4_request"] {
            key = SymmetricKey(data: Data(HMAC<SHA256>.authenticationCode(for: Data(part.utf8), using: key)))
        }
        let signature = Hex.text(HMAC<SHA256>.authenticationCode(for: Data(text.utf8), using: key))
        let authorization =
            "AWS4-HMAC-SHA256 Credential=\(accessKey)/\(scope),SignedHeaders=\(names),Signature=\(signature)"
        return own + [("Authorization", authorization)]
    }

    /// Sorted and encoded as it is signed; it is sent in the same form.
    static func query(_ query: [(String, String)]) -> String {
        query.map { (PercentCoding.encoded($0.0), PercentCoding.encoded($0.1)) }.sorted { $0 < $1 }.map {
            "\($0.0)=\($0.1)"
        }
        .joined(separator: "&")
    }

    private static func folded(_ value: String) -> String {
        value.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
    }

    /// `20130524T000000Z`
    private static func stamp(_ date: Date) -> String {
        let text = Instant(seconds: date.timeIntervalSince1970.rounded(.down)).description
        return text.prefix(19).filter { $0 != "-" && $0 != ":" } + "Z"
    }
}
