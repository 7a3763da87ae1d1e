/// The two families of the Model Context Protocol. One endpoint speaks both, told apart message by message.
///
/// Source: the specification's changelogs of 2025-11-25 and 2026-07-28.
package enum MCPEra: Sendable, Equatable {
    /// With `initialize`: 2024-11-05 to 2025-11-25.
    case legacy
    /// Each request whole in itself: 2026-07-28.
    case modern

    /// Oldest first.
    package static let legacyVersions = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
    package static let modernVersions = ["2026-07-28"]

    /// What `initialize` is answered with: the version that was asked for, where it is known.
    package static func negotiated(_ wanted: String?) -> String {
        wanted.flatMap { legacyVersions.contains($0) ? $0 : nil } ?? legacyVersions[legacyVersions.count - 1]
    }
}

/// Names of members below `_meta`.
package enum MCPMeta {
    package static let version = "io.modelcontextprotocol/protocolVersion"
    package static let clientInfo = "io.modelcontextprotocol/clientInfo"
    package static let capabilities = "io.modelcontextprotocol/clientCapabilities"
    package static let serverInfo = "io.modelcontextprotocol/serverInfo"
    package static let logLevel = "io.modelcontextprotocol/logLevel"
    package static let subscription = "io.modelcontextprotocol/subscriptionId"
    package static let progressToken = "progressToken"
}
