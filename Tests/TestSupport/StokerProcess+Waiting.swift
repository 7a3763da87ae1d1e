/// Waiting for something to become true, in tests that look at another process.
package enum Wait {
    /// Why a wait was given up.
    package struct Failure: Error, CustomStringConvertible {
        package var waitedFor: String
        package var within: Duration
        /// What was seen the last time, if anything.
        package var last: String
        package var description: String { "gave up after \(within) waiting for \(waitedFor); last seen: \(last)" }
    }

    /// Asks again and again until `look` gives a value, and gives it on. An error counts as "not yet" until the time is over.
    @discardableResult
    package static func `for`<Value>(
        _ what: String, within: Duration = .seconds(30), every: Duration = .milliseconds(25),
        _ look: () async throws -> Value?
    ) async throws -> Value {
        let deadline = ContinuousClock.now + within
        var last = "nothing"
        while true {
            do {
                if let value = try await look() { return value }
            } catch let error as CancellationError {
                throw error
            } catch {
                last = String(describing: error)
            }
            guard ContinuousClock.now < deadline else { throw Failure(waitedFor: what, within: within, last: last) }
            try await Task.sleep(for: every)
        }
    }

    /// Asks again and again until `look` is true.
    package static func until(
        _ what: String, within: Duration = .seconds(30), every: Duration = .milliseconds(25),
        _ look: () async throws -> Bool
    ) async throws {
        try await `for`(what, within: within, every: every) { try await look() ? true : nil }
    }
}
