/// Who is due when. A 4-ary heap, indexed by check, so that a due time can be moved or cancelled: 16 bytes for each check.
///
/// Times are whole ticks of any one clock (the service uses milliseconds of the wall clock). One owner at a time.
package struct Timetable: Sendable {
    /// Due time of each check, less ``base``; kept by check, not by place in the heap.
    private var due: [Int64] = []
    private var heap: [UInt32] = []
    /// Place in the heap of each check.
    private var place: [UInt32] = []
    /// Added to every due time, which makes shifting them all cheap.
    private var base: Int64 = 0

    private static let nowhere = UInt32.max

    package init() {}

    package var count: Int { heap.count }
    package var isEmpty: Bool { heap.isEmpty }

    /// The earliest due time.
    package var next: Int64? { heap.first.map { due[Int($0)] + base } }

    package func due(of check: UInt32) -> Int64? {
        Int(check) < place.count && place[Int(check)] != Self.nowhere ? due[Int(check)] + base : nil
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
        let before = due[Int(check)]
        due[Int(check)] = time - base
        if place[Int(check)] == Self.nowhere {
            place[Int(check)] = UInt32(heap.count)
            heap.append(check)
            rise(heap.count - 1)
        } else if time - base < before {
            rise(Int(place[Int(check)]))
        } else {
            sink(Int(place[Int(check)]))
        }
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
    }

    /// Takes out what is due, oldest first, at most `limit`; returns how many. The rest stays due.
    @discardableResult
    package mutating func popDue(
        _ now: Int64, limit: Int = .max, _ take: (_ check: UInt32, _ due: Int64) -> Void
    ) -> Int {
        var taken = 0
        while taken < limit, let check = heap.first, due[Int(check)] + base <= now {
            let time = due[Int(check)] + base
            remove(at: 0)
            take(check, time)
            taken += 1
        }
        return taken
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

    // MARK: Heap

    private mutating func grow(to count: Int) {
        due.append(contentsOf: repeatElement(0, count: count - due.count))
        place.append(contentsOf: repeatElement(Self.nowhere, count: count - place.count))
    }

    private mutating func remove(at index: Int) {
        let check = heap[index]
        let last = heap.removeLast()
        place[Int(check)] = Self.nowhere
        guard last != check else { return }
        heap[index] = last
        place[Int(last)] = UInt32(index)
        if due[Int(last)] < due[Int(check)] { rise(index) } else { sink(index) }
    }

    private mutating func rise(_ start: Int) {
        var index = start
        let check = heap[index]
        let time = due[Int(check)]
        while index > 0 {
            let parent = (index - 1) / 4
            let other = heap[parent]
            guard time < due[Int(other)] else { break }
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
        let time = due[Int(check)]
        while true {
            let first = index * 4 + 1
            guard first < heap.count else { break }
            var child = first
            var least = due[Int(heap[first])]
            var candidate = first + 1
            while candidate < min(first + 4, heap.count) {
                let other = due[Int(heap[candidate])]
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
