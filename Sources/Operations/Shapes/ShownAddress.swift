package import StokerCore

extension Check {
    /// The address without what only the pinger may know: user, password, and values of query parameters whose names say that
    /// they are secret become `***`. nil for a heartbeat.
    package var shownAddress: String? { address.isEmpty ? nil : redactedAddress(address) }
}

private let secretWords = [
    "token", "key", "secret", "password", "passwd", "pwd", "signature", "sig", "auth", "credential",
]

func redactedAddress(_ address: String) -> String {
    let question = address.firstIndex(of: "?") ?? address.endIndex
    var front = String(address[..<question])
    if let scheme = front.firstRange(of: "://") {
        let authorityEnd = front[scheme.upperBound...].firstIndex(of: "/") ?? front.endIndex
        if let at = front[scheme.upperBound..<authorityEnd].lastIndex(of: "@") {
            front.replaceSubrange(scheme.upperBound..<at, with: "***")
        }
    }
    guard question < address.endIndex else { return front }
    let query = address[address.index(after: question)...].split(separator: "&", omittingEmptySubsequences: false).map {
        pair in
        let name = pair.prefix { $0 != "=" }
        let words = name.lowercased().split { !$0.isLetter && !$0.isNumber }
        let isSecret =
            words.contains { word in secretWords.contains { word == $0 || ($0.count > 3 && word.contains($0)) } }
            || name.lowercased().hasSuffix("key")
        return isSecret && name.endIndex < pair.endIndex ? "\(name)=***" : String(pair)
    }
    return front + "?" + query.joined(separator: "&")
}
