package import Testing

/// Waits until the condition holds, looking every 10 ms; records an issue when it never does.
///
/// - Parameter within: a generous limit: it is only ever reached by a test that fails.
package func eventually(
    within limit: Duration = .seconds(30), _ what: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation,
    _ holds: () async throws -> Bool
) async throws {
    let clock = ContinuousClock()
    let deadline = clock.now + limit
    while clock.now < deadline {
        if try await holds() { return }
        try await clock.sleep(for: .milliseconds(10))
    }
    Issue.record(what ?? "did not happen in time", sourceLocation: sourceLocation)
}
