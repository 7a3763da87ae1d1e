package import NIOCore
package import StokerCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The two clocks the engine lives by: a steady one for waiting and measuring, the wall clock for records.
package struct Clocks: Sendable {
    /// Steady milliseconds; stands still while the machine is suspended.
    package var steady: @Sendable () -> Int64
    /// UTC.
    package var wall: @Sendable () -> Instant

    package init(steady: @escaping @Sendable () -> Int64, wall: @escaping @Sendable () -> Instant) {
        self.steady = steady
        self.wall = wall
    }

    package static let real = Clocks(
        steady: { Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000) },
        wall: {
            var time = timespec()
            clock_gettime(CLOCK_REALTIME, &time)
            return Instant(milliseconds: Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000)
        }
    )
}
