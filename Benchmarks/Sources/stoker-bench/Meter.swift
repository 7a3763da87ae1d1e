import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Wall and CPU time of this process since it was made.
struct Meter {
    private let wall = ContinuousClock.now
    private let cpu = Meter.cpuSeconds()

    var wallSeconds: Double {
        let (seconds, attoseconds) = (ContinuousClock.now - wall).components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
    var cpuSeconds: Double { Self.cpuSeconds() - cpu }

    /// User and system time of all threads.
    static func cpuSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}

/// xorshift64*: the same numbers on every run, and cheaper than what is measured.
struct Numbers {
    private var state: UInt64

    init(seed: UInt64) { state = seed | 1 }

    mutating func next() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 0x2545_F491_4F6C_DD1D
    }
    mutating func below(_ limit: UInt64) -> UInt64 { next() % limit }
}
