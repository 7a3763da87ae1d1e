/// Notices that the wall clock was set, that the machine slept, and that the process stood still.
///
/// Takes readings in, reads no clock: `running` stands still while the machine sleeps (`SuspendingClock`, Linux
/// `CLOCK_MONOTONIC`), `elapsed` does not (`ContinuousClock`, `CLOCK_BOOTTIME`). Both count from any fixed moment.
package struct ClockMonitor: Sendable {
    /// All clocks, read at one moment.
    package struct Reading: Sendable, Equatable {
        /// The wall clock; may be set back or forward.
        package var wall: Instant
        /// Monotonic; stands still while the machine is suspended (CLOCK_MONOTONIC).
        package var running: Duration
        /// Monotonic; goes on while the machine is suspended (CLOCK_BOOTTIME).
        package var elapsed: Duration
        package init(wall: Instant, running: Duration, elapsed: Duration) {
            self.wall = wall
            self.running = running
            self.elapsed = elapsed
        }
    }

    /// What happened between two readings; zero where nothing did.
    package struct Change: Sendable, Equatable {
        /// How far the wall clock was moved, forwards or back. Due times in wall time are shifted by this much
        /// (``Timetable/shift(by:)``): a clock that was set is no reason to ping.
        package var clockMoved: Duration
        /// How long the machine slept.
        package var slept: Duration
        /// How long the process got no turn (stopped, frozen with its virtual machine, overloaded).
        package var stood: Duration
        /// Overdue pings should be spread (``Timetable/spreadOverdue(_:spacing:)``), each made once.
        package var missedTime: Bool { slept > .zero || stood > .zero }
        package init(clockMoved: Duration = .zero, slept: Duration = .zero, stood: Duration = .zero) {
            self.clockMoved = clockMoved
            self.slept = slept
            self.stood = stood
        }
    }

    private var last: Reading
    /// Since when moves of the wall clock are summed up. Kept as it was read: adding each tick's time to a wall clock of
    /// whole milliseconds would lose half of one a tick, and look like a clock that was set.
    private var base: Reading
    private let tolerance: Duration
    private let patience: Duration

    /// - Parameters:
    ///   - tolerance: a smaller move is a correction (NTP slews) and summed up until it is larger. Default 2 s.
    ///   - patience: a longer time between two readings means that we stood still. Default 10 s.
    package init(_ first: Reading, tolerance: Duration = .seconds(2), patience: Duration = .seconds(10)) {
        last = first
        base = first
        self.tolerance = tolerance
        self.patience = patience
    }

    /// Call at every tick. Returns nil while all is as it should be.
    package mutating func read(_ reading: Reading) -> Change? {
        let elapsed = reading.elapsed - last.elapsed
        let running = reading.running - last.running
        var change = Change()
        let moved = (reading.wall - base.wall) - (reading.elapsed - base.elapsed)
        if moved > tolerance || moved < .zero - tolerance { change.clockMoved = moved }
        let slept = elapsed - running
        if slept > tolerance { change.slept = slept }
        if running > patience { change.stood = running }
        last = reading
        // A move that was too small to tell is not forgotten: many of them add up.
        if change.clockMoved != .zero { base = reading }
        return change == Change() ? nil : change
    }
}
