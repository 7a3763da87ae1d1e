/// Who is due when. A 4-ary heap, indexed by check, so that a due time can be moved or cancelled: 12 bytes for each check.
///
/// Times are whole ticks of any one clock (the service uses milliseconds of the wall clock). One owner at a time.
package struct Timetable: Sendable {
    /// Due time of each check, less ``base``, or ``beyond``; kept by check, not by place in the heap.
    private var due: [UInt32] = []
    /// Due times, less ``base``, of the few that do not lie within 32 bits of it: pauses of months.
    private var outliers: [UInt32: Int64] = [:]
    private var heap: [UInt32] = []
    /// Place in the heap of each check.
    private var place: [UInt32] = []
    /// Added to every due time, which makes shifting them all cheap.
    private var base: Int64 = 0
    /// With more outliers than this the base is moved to where the times are now.
    private var tolerated = Self.fewest

    private static let nowhere = UInt32.max
    private static let beyond = UInt32.max
    private static let fewest = 64
    /// How far before the first due time the base is put: twelve days of milliseconds, of fifty.
    private static let slack: Int64 = 1 << 30

    package init() {}

    package var count: Int { heap.count }
    package var isEmpty: Bool { heap.isEmpty }

    /// The earliest due time.
    package var next: Int64? { heap.first.map { offset(of: $0) + base } }

    /// Milliseconds of the clock it is keyed by; nil when the check is not in it.
    package func due(of check: UInt32) -> Int64? {
        Int(check) < place.count && place[Int(check)] != Self.nowhere ? offset(of: check) + base : nil
    }

    /// Makes room for checks 0..<count at once.
    package mutating func reserve(_ count: Int) {
        guard count > place.count else { return }
        heap.reserveCapacity(count)
        due.reserveCapacity(count)
        place.reserveCapacity(count)
        grow(to: count)
    }

    /// Sets or moves the due time. O(log n).
    package mutating func schedule(_ check: UInt32, at time: Int64) {
        if Int(check) >= place.count { grow(to: Int(check) + 1) }
        if heap.isEmpty { base = time - Self.slack }
        let isNew = place[Int(check)] == Self.nowhere
        let before = isNew ? 0 : offset(of: check)
        let after = time - base
        keep(after, of: check)
        if isNew {
            place[Int(check)] = UInt32(heap.count)
            heap.append(check)
            rise(heap.count - 1)
        } else if after < before {
            rise(Int(place[Int(check)]))
        } else {
            sink(Int(place[Int(check)]))
        }
        if outliers.count > tolerated { move(baseTo: time - Self.slack) }
    }

    /// Whether the check had been scheduled. O(log n).
    @discardableResult
    package mutating func cancel(_ check: UInt32) -> Bool {
        guard Int(check) < place.count, place[Int(check)] != Self.nowhere else { return false }
        remove(at: Int(place[Int(check)]))
        return true
    }

    package mutating func removeAll() {
        for check in heap { place[Int(check)] = Self.nowhere }
        heap.removeAll(keepingCapacity: true)
        outliers.removeAll()
        tolerated = Self.fewest
    }

    /// Takes out what is due, oldest first, at most `limit`; returns how many. The rest stays due.
    @discardableResult
    package mutating func popDue(
        _ now: Int64, limit: Int = .max, _ take: (_ check: UInt32, _ due: Int64) -> Void
    ) -> Int {
        var taken = 0
        while taken < limit, let check = heap.first, case let time = offset(of: check) + base, time <= now {
            remove(at: 0)
            take(check, time)
            taken += 1
        }
        return taken
    }

    /// Makes up to `count` of the next checks due at `now`, those that the condition holds for. Looks at the 64 that are
    /// due soonest after `now`. Returns how many were moved.
    @discardableResult
    package mutating func bringForward(_ count: Int, to now: Int64, where fits: (_ check: UInt32) -> Bool) -> Int {
        var seen: [(check: UInt32, due: Int64)] = []
        var moved: [UInt32] = []
        while seen.count < 64, moved.count < count, let check = heap.first {
            let time = offset(of: check) + base
            remove(at: 0)
            if time > now, fits(check) { moved.append(check) } else { seen.append((check, time)) }
        }
        for (check, time) in seen { schedule(check, at: time) }
        for check in moved { schedule(check, at: now) }
        return moved.count
    }

    /// Moves every due time: the clock was set. O(1).
    package mutating func shift(by ticks: Int64) { base += ticks }

    /// Moves what is overdue onto `spacing` ticks between each two, from now on, oldest first. For the moment after a
    /// suspension or a long stop, so that everything that was missed is made once and not at one instant.
    package mutating func spreadOverdue(_ now: Int64, spacing: Int64) {
        var overdue: [UInt32] = []
        popDue(now) { check, _ in overdue.append(check) }
        for (rank, check) in overdue.enumerated() { schedule(check, at: now + Int64(rank) * max(0, spacing)) }
    }

    // MARK: Times

    private func offset(of check: UInt32) -> Int64 {
        let near = due[Int(check)]
        return near == Self.beyond ? outliers[check, default: Int64(Self.beyond)] : Int64(near)
    }

    private mutating func keep(_ offset: Int64, of check: UInt32) {
        if due[Int(check)] == Self.beyond { outliers[check] = nil }
        if offset >= 0, offset < Int64(Self.beyond) {
            due[Int(check)] = UInt32(offset)
        } else {
            due[Int(check)] = Self.beyond
            outliers[check] = offset
        }
    }

    /// Keeps every due time as it is, and so their order. O(n), once in weeks; when it did not help because many times
    /// really are far apart, only after twice as many.
    private mutating func move(baseTo new: Int64) {
        let by = new - base
        let offsets = heap.map { offset(of: $0) - by }
        base = new
        for (check, offset) in zip(heap, offsets) { keep(offset, of: check) }
        tolerated = max(Self.fewest, 2 * outliers.count)
    }

    // MARK: Heap

    private mutating func grow(to count: Int) {
        due.append(contentsOf: repeatElement(0, count: count - due.count))
        place.append(contentsOf: repeatElement(Self.nowhere, count: count - place.count))
    }

    private mutating func remove(at index: Int) {
        let check = heap[index]
        let last = heap.removeLast()
        let time = offset(of: check)
        place[Int(check)] = Self.nowhere
        keep(0, of: check)
        guard last != check else { return }
        heap[index] = last
        place[Int(last)] = UInt32(index)
        if offset(of: last) < time { rise(index) } else { sink(index) }
    }

    private mutating func rise(_ start: Int) {
        var index = start
        let check = heap[index]
        let time = offset(of: check)
        while index > 0 {
            let parent = (index - 1) / 4
            let other = heap[parent]
            guard time < offset(of: other) else { break }
            heap[index] = other
            place[Int(other)] = UInt32(index)
            index = parent
        }
        heap[index] = check
        place[Int(check)] = UInt32(index)
    }

    private mutating func sink(_ start: Int) {
        var index = start
        let check = heap[index]
        let time = offset(of: check)
        while true {
            let first = index * 4 + 1
            guard first < heap.count else { break }
            var child = first
            var least = offset(of: heap[first])
            var candidate = first + 1
            while candidate < min(first + 4, heap.count) {
                let other = offset(of: heap[candidate])
                if other < least {
                    least = other
                    child = candidate
                }
                candidate += 1
            }
            guard least < time else { break }
            heap[index] = heap[child]
            place[Int(heap[index])] = UInt32(index)
            index = child
        }
        heap[index] = check
        place[Int(check)] = UInt32(index)
    }
}
