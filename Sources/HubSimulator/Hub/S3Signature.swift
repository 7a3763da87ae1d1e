import Crypto
import Foundation
import HTTPTypes
import Hummingbird

/// An access key of the S3 gateway, made on the token page of an account.
package struct HubS3Key: Sendable {
    package var id: String
    package var secret: String
    package var account: String

    package init(id: String, secret: String, account: String) {
        self.id = id
        self.secret = secret
        self.account = account
    }
}

/// AWS signature version 4 of a request's headers. Source: AWS documentation, "Authenticating Requests (AWS Signature
/// Version 4)", header form.
struct S3Signature: Sendable {
    let keyID: String
    private let scope: [String]
    private let signedHeaders: [String]
    private let signature: String

    /// nil when the header is of another kind.
    init?(_ header: String?) {
        guard let header, header.hasPrefix("AWS4-HMAC-SHA256 ") else { return nil }
        var fields: [String: String] = [:]
        for part in header.dropFirst(17).split(separator: ",") {
            let pair = part.drop { $0 == " " }.split(separator: "=", maxSplits: 1)
            if pair.count == 2 { fields[String(pair[0])] = String(pair[1]) }
        }
        let credential = (fields["Credential"] ?? "").split(separator: "/").map(String.init)
        guard credential.count == 5, let names = fields["SignedHeaders"], let signature = fields["Signature"] else {
            return nil
        }
        keyID = credential[0]
        scope = Array(credential.dropFirst())
        signedHeaders = names.split(separator: ";").map(String.init)
        self.signature = signature
    }

    func isValid(_ request: Request, secret: String) -> Bool {
        guard signedHeaders.contains("host"), let date = Self.header("x-amz-date", request),
            let payload = Self.header("x-amz-content-sha256", request), date.hasPrefix(scope[0])
        else { return false }
        let query = (request.uri.query ?? "").split(separator: "&").map { part in
            part.contains("=") ? String(part) : part + "="
        }.sorted().joined(separator: "&")
        let headers = signedHeaders.map { name in
            "\(name):\((Self.header(name, request) ?? "").trimmingCharacters(in: .whitespaces))\n"
        }.joined()
        let canonical = [
            request.method.rawValue, request.uri.path, query, headers, signedHeaders.joined(separator: ";"), payload,
        ].joined(separator: "\n")
        let text = [
            "AWS4-HMAC-SHA256", date, scope.joined(separator: "/"), SHA256.hash(data: Data(canonical.utf8)).hexDigits,
        ].joined(separator: "\n")
        var key = SymmetricKey(data: Data("AWS4\(secret)".utf8))
        for part in scope {
            key = SymmetricKey(data: Data(HMAC<SHA256>.authenticationCode(for: Data(part.utf8), using: key)))
        }
        return HMAC<SHA256>.authenticationCode(for: Data(text.utf8), using: key).hexDigits == signature
    }

    static func header(_ name: String, _ request: Request) -> String? {
        if name == "host" { return request.head.authority }
        return HTTPField.Name(name).flatMap { request.headers[$0] }
    }
}
