/// Decides whether one more attempt may begin.
///
/// Two limits: how many may be open at all (file descriptors), and how many may be *recent*, begun within the last half
/// second and not yet answered. Hanging targets only fill the first; the second keeps the prober's own queue short, so that
/// it does not report its own delay as the target's latency (measurements: a saturated prober measures itself).
struct AdmissionControl {
    let openLimit: Int
    let recentLimit: Int
    /// Slower than full while another shard is to get on.
    var pace = SharedBacklog.Pace.full
    private(set) var open = 0
    private var recent = 0
    private var slots = [Int32](repeating: 0, count: Self.slotCount)
    /// Number of the newest slot.
    private var now: Int64 = 0

    private static let slotCount = 10
    private static let slotMilliseconds: Int64 = 50

    init(openLimit: Int, recentLimit: Int) {
        self.openLimit = openLimit
        self.recentLimit = recentLimit
    }

    var admits: Bool {
        let most =
            switch pace {
            case .full: recentLimit
            case .slow: max(1, recentLimit / 16)
            }
        return open < openLimit && recent < most
    }

    /// Moves time on: attempts older than the window are not recent any more.
    mutating func advance(to steady: Int64) {
        let slot = steady / Self.slotMilliseconds
        guard slot > now else { return }
        for step in 0..<min(slot - now, Int64(Self.slotCount)) {
            let index = Int((slot - step) % Int64(Self.slotCount))
            recent -= Int(slots[index])
            slots[index] = 0
        }
        now = slot
    }

    /// Returns the ticket to give back to ``end(_:)``.
    mutating func begin(at steady: Int64) -> Int64 {
        advance(to: steady)
        open += 1
        recent += 1
        slots[Int(now % Int64(Self.slotCount))] += 1
        return now
    }

    mutating func end(_ ticket: Int64) {
        open -= 1
        if now - ticket < Int64(Self.slotCount) {
            recent -= 1
            slots[Int(ticket % Int64(Self.slotCount))] -= 1
        }
    }
}
