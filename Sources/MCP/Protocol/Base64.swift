import Foundation

/// RFC 4648; the variant for addresses has no padding.
enum Base64 {
    static func text(_ bytes: some Sequence<UInt8>) -> String { Data(bytes).base64EncodedString() }

    static func bytes(_ text: String) -> [UInt8]? { Data(base64Encoded: text).map { Array($0) } }

    static func urlText(_ bytes: some Sequence<UInt8>) -> String {
        text(bytes).replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    static func urlBytes(_ text: some StringProtocol) -> [UInt8]? {
        let plain = String(text).replacing("-", with: "+").replacing("_", with: "/")
        return bytes(plain + String(repeating: "=", count: (4 - plain.utf8.count % 4) % 4))
    }
}
