package import StokerCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The clocks the engine lives by. The wall clock carries the timetable, so that due times survive a restart; the other two
/// show when it was set or the machine slept (``ClockMonitor``).
package struct Clocks: Sendable {
    /// UTC.
    package var wall: @Sendable () -> Instant
    /// Counts on while nothing sets it; stands still while the machine is suspended.
    package var running: @Sendable () -> Duration
    /// The same, but counts on during suspension.
    package var elapsed: @Sendable () -> Duration

    package init(
        wall: @escaping @Sendable () -> Instant, running: @escaping @Sendable () -> Duration,
        elapsed: @escaping @Sendable () -> Duration
    ) {
        self.wall = wall
        self.running = running
        self.elapsed = elapsed
    }

    package static let real = Clocks(
        wall: {
            let (seconds, nanoseconds) = read(CLOCK_REALTIME)
            return Instant(milliseconds: seconds * 1_000 + nanoseconds / 1_000_000)
        },
        running: {
            let (seconds, nanoseconds) = read(CLOCK_MONOTONIC)
            return .seconds(seconds) + .nanoseconds(nanoseconds)
        },
        elapsed: {
            #if canImport(Glibc)
            let (seconds, nanoseconds) = read(CLOCK_BOOTTIME)
            #else
            let (seconds, nanoseconds) = read(CLOCK_MONOTONIC_RAW)
            #endif
            return .seconds(seconds) + .nanoseconds(nanoseconds)
        }
    )

    private static func read(_ clock: clockid_t) -> (seconds: Int64, nanoseconds: Int64) {
        var time = timespec()
        clock_gettime(clock, &time)
        return (Int64(time.tv_sec), Int64(time.tv_nsec))
    }

    package var reading: ClockMonitor.Reading {
        ClockMonitor.Reading(wall: wall(), running: running(), elapsed: elapsed())
    }
}
