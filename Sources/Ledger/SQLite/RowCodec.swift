import StokerCore

/// Bytes of ours cannot be read: the file is damaged, or a newer Stoker wrote them.
struct DamagedBytes: Error, CustomStringConvertible {
    var what: String
    var description: String { "stored bytes cannot be read (\(what))" }
}

/// Appends numbers as LEB128: small ones take one byte.
struct ByteWriter {
    var bytes: [UInt8] = []

    mutating func byte(_ value: UInt8) { bytes.append(value) }

    mutating func number(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// Numbers that may be negative: zigzag, so that −1 is as short as 1.
    mutating func signed(_ value: Int64) { number(UInt64(bitPattern: (value << 1) ^ (value >> 63))) }

    /// Inside ``Instant/range``, which is all that ``ByteReader/instant()`` takes.
    mutating func instant(_ value: Instant) { signed(Instant.stored(value.milliseconds)) }
}

extension Instant {
    /// The nearest time that may be stored.
    static func stored(_ milliseconds: Int64) -> Int64 {
        min(max(milliseconds, range.lowerBound), range.upperBound)
    }
    /// - Throws: ``DamagedBytes`` when no clock can have said it.
    init(stored milliseconds: Int64) throws {
        guard Self.range.contains(milliseconds) else { throw DamagedBytes(what: "time out of range") }
        self.init(milliseconds: milliseconds)
    }
}

/// Reads what ``ByteWriter`` wrote; never past the end.
struct ByteReader {
    private let bytes: UnsafeRawBufferPointer
    private var place = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool { place >= bytes.count }

    mutating func byte() throws -> UInt8 {
        guard place < bytes.count else { throw DamagedBytes(what: "too short") }
        defer { place += 1 }
        return bytes[place]
    }

    mutating func number() throws -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = try byte()
            guard shift < 64 else { throw DamagedBytes(what: "number too long") }
            value |= UInt64(next & 0x7F) << shift
            if next < 0x80 { return value }
            shift += 7
        }
    }

    mutating func signed() throws -> Int64 {
        let value = try number()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    mutating func instant() throws -> Instant { try Instant(stored: try signed()) }

    /// A byte that is 0 or 1.
    mutating func flag() throws -> Bool {
        let value = try byte()
        guard value <= 1 else { throw DamagedBytes(what: "neither yes nor no") }
        return value == 1
    }

    mutating func narrow<T: FixedWidthInteger>(_: T.Type) throws -> T {
        guard let value = T(exactly: try number()) else { throw DamagedBytes(what: "number too large") }
        return value
    }
}

/// Observations of one check, oldest first, about 7 bytes each.
///
/// Format 1: a head byte (bits 0–2 outcome, 3 cause follows, 4 code follows, 5 attempts follow, 6 latency follows), the time
/// since the observation before, then what the head announces. A code that does not follow is that of the row before (200 first).
enum RowCodec {
    private static let format: UInt8 = 1

    static func encode(_ rows: some Sequence<Observation>) -> [UInt8] {
        var writer = ByteWriter()
        writer.byte(format)
        var lastAt: Int64 = 0
        var lastCode: UInt16 = 200
        for row in rows {
            var head = row.outcome.rawValue
            if row.cause != .none { head |= 8 }
            if row.code != lastCode { head |= 16 }
            if row.attempts != 1 { head |= 32 }
            if row.latencyMicroseconds != 0 { head |= 64 }
            writer.byte(head)
            let at = Instant.stored(row.at.milliseconds)
            writer.signed(at - lastAt)
            if row.cause != .none { writer.byte(row.cause.rawValue) }
            if row.code != lastCode { writer.number(UInt64(row.code)) }
            if row.attempts != 1 { writer.byte(row.attempts) }
            if row.latencyMicroseconds != 0 { writer.number(UInt64(row.latencyMicroseconds)) }
            lastAt = at
            lastCode = row.code
        }
        return writer.bytes
    }

    /// For housekeeping, which must not stop for ever at a damaged place: what stands before the damage.
    /// - Returns: whether something could not be read.
    static func salvage(_ bytes: UnsafeRawBufferPointer, check: Int32, _ body: (Observation) -> Void) -> Bool {
        do {
            try decode(bytes, check: check, body)
            return false
        } catch {
            return true
        }
    }

    static func decode(_ bytes: UnsafeRawBufferPointer, check: Int32, _ body: (Observation) -> Void) throws {
        var reader = ByteReader(bytes)
        guard try reader.byte() == format else { throw DamagedBytes(what: "unknown row format") }
        var at: Int64 = 0
        var code: UInt16 = 200
        while !reader.isAtEnd {
            let head = try reader.byte()
            guard let outcome = Outcome(rawValue: head & 7) else { throw DamagedBytes(what: "unknown outcome") }
            let (sum, overflow) = at.addingReportingOverflow(try reader.signed())
            guard !overflow, Instant.range.contains(sum) else { throw DamagedBytes(what: "time out of range") }
            at = sum
            // A cause that this version does not know reads as none: the outcome still counts.
            let cause = head & 8 == 0 ? Cause.none : Cause(rawValue: try reader.byte()) ?? .none
            if head & 16 != 0 { code = try reader.narrow(UInt16.self) }
            let attempts = head & 32 == 0 ? 1 : try reader.byte()
            let latency = head & 64 == 0 ? 0 : try reader.narrow(UInt32.self)
            body(
                Observation(
                    check: check, at: Instant(milliseconds: at), outcome: outcome, cause: cause, code: code,
                    attempts: attempts,
                    latencyMicroseconds: latency))
        }
    }
}

/// Everything about an observation but check, time and latency in one integer that is small for the usual case:
/// outcome in bits 0–2, code 3–18, attempts − 1 in 19–26, cause 27–34. An ordinary *up, 200* fits two bytes.
enum PackedObservation {
    static func pack(_ row: Observation) -> Int64 {
        Int64(row.outcome.rawValue) | Int64(row.code) << 3 | Int64(row.attempts &- 1) << 19 | Int64(row.cause.rawValue)
            << 27
    }

    static func unpack(check: Int64, at: Int64, packed: Int64, latency: Int64) throws -> Observation {
        guard let outcome = Outcome(rawValue: UInt8(packed & 7)), let latency = UInt32(exactly: latency),
            let check = Int32(exactly: check), check > 0, packed >= 0, packed < 1 << 35
        else { throw DamagedBytes(what: "observation") }
        return Observation(
            check: check, at: try Instant(stored: at), outcome: outcome,
            cause: Cause(rawValue: UInt8(truncatingIfNeeded: packed >> 27)) ?? .none,
            code: UInt16(truncatingIfNeeded: packed >> 3), attempts: UInt8(truncatingIfNeeded: packed >> 19) &+ 1,
            latencyMicroseconds: latency)
    }
}

/// Counts and latency without a span; adding two gives what one pass over all rows would have given.
struct Sum: Sendable, Equatable {
    var up = 0
    var slow = 0
    var waking = 0
    var down = 0
    var unknown = 0
    var latencyMin: UInt32 = 0
    var latencyMax: UInt32 = 0
    var latencySum: UInt64 = 0

    var good: Int { up + slow }
    var isEmpty: Bool { up + slow + waking + down + unknown == 0 }

    mutating func add(_ outcome: Outcome, latency: UInt32) {
        switch outcome {
        case .up: up += 1
        case .slow: slow += 1
        case .waking: waking += 1
        case .down: down += 1
        case .unknown: unknown += 1
        }
        guard outcome.isGood else { return }
        latencyMin = good == 1 ? latency : min(latencyMin, latency)
        latencyMax = max(latencyMax, latency)
        latencySum = Self.sum(latencySum, UInt64(latency))
    }

    /// A sum that only damage makes so large stands still: it must not end the process.
    private static func sum(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let (sum, overflow) = a.addingReportingOverflow(b)
        return overflow ? .max : sum
    }

    mutating func add(_ other: Sum) {
        if other.good > 0 {
            latencyMin = good == 0 ? other.latencyMin : min(latencyMin, other.latencyMin)
            latencyMax = max(latencyMax, other.latencyMax)
            latencySum = Self.sum(latencySum, other.latencySum)
        }
        up += other.up
        slow += other.slow
        waking += other.waking
        down += other.down
        unknown += other.unknown
    }

    func tally(from: Instant, to: Instant, time: TimeSum) -> SpanTotals {
        SpanTotals(
            from: from, to: to, up: up, slow: slow, waking: waking, down: down, unknown: unknown,
            latencyMin: latencyMin,
            latencyMax: latencyMax, latencySum: latencySum, upTime: time.up, downTime: time.down,
            maintenanceTime: time.maintenance, isEstimated: time.isEstimated)
    }

    /// A flag byte names the counts that follow; a single good observation needs its latency only once.
    func encode(into writer: inout ByteWriter) {
        let counts = [up, slow, waking, down, unknown]
        var flags: UInt8 = 0
        for (bit, count) in counts.enumerated() where count != 0 { flags |= 1 << UInt8(bit) }
        writer.byte(flags)
        for count in counts where count != 0 { writer.number(UInt64(count)) }
        guard good > 0 else { return }
        writer.number(UInt64(latencyMin))
        guard good > 1 else { return }
        writer.number(UInt64(latencyMax - latencyMin))
        writer.number(latencySum - UInt64(latencyMin) * UInt64(good))
    }

    init() {}

    init(from reader: inout ByteReader) throws {
        let flags = try reader.byte()
        func count(_ bit: UInt8) throws -> Int { flags & (1 << bit) == 0 ? 0 : Int(try reader.narrow(UInt32.self)) }
        up = try count(0)
        slow = try count(1)
        waking = try count(2)
        down = try count(3)
        unknown = try count(4)
        guard good > 0 else { return }
        latencyMin = try reader.narrow(UInt32.self)
        guard good > 1 else {
            latencyMax = latencyMin
            latencySum = UInt64(latencyMin)
            return
        }
        let spread = try reader.number()
        let rest = try reader.number()
        // No latency is above the largest, so neither is their mean.
        guard let most = UInt32(exactly: UInt64(latencyMin) + min(spread, 1 << 32)), good <= UInt32.max,
            rest <= spread * UInt64(good)
        else { throw DamagedBytes(what: "latency") }
        latencyMax = most
        latencySum = UInt64(latencyMin) * UInt64(good) + rest
    }
}

/// What a stretch of stored rows holds, so that a sum over all of it need not read the rows.
struct StoredExtent: Equatable {
    var first: Int64
    var last: Int64
    var sum: Sum

    init(first: Int64, last: Int64, sum: Sum) {
        self.first = first
        self.last = last
        self.sum = sum
    }

    /// - Precondition: rows are in time order and there is one.
    init(of rows: [Observation]) {
        var sum = Sum()
        for row in rows { sum.add(row.outcome, latency: row.latencyMicroseconds) }
        self.init(first: rows[0].at.milliseconds, last: rows[rows.count - 1].at.milliseconds, sum: sum)
    }

    func encode() -> [UInt8] {
        var writer = ByteWriter()
        writer.signed(first)
        writer.number(UInt64(last - first))
        sum.encode(into: &writer)
        return writer.bytes
    }

    init(_ bytes: UnsafeRawBufferPointer) throws {
        var reader = ByteReader(bytes)
        first = try reader.instant().milliseconds
        let (end, overflow) = first.addingReportingOverflow(try reader.narrow(Int64.self))
        guard !overflow, Instant.range.contains(end) else { throw DamagedBytes(what: "time out of range") }
        last = end
        sum = try Sum(from: &reader)
    }
}

/// Sums of one check and one day (UTC): one per hour that has any, or a single one for the whole day once hours are given up.
struct DaySums: Equatable {
    /// Marks the sum of a whole day; 0…23 are hours.
    static let wholeDay: UInt8 = 24
    private(set) var parts: [(hour: UInt8, sum: Sum)] = []

    static func == (a: DaySums, b: DaySums) -> Bool { a.parts.elementsEqual(b.parts) { $0 == $1 } }

    mutating func add(_ sum: Sum, hour: UInt8) {
        // A day that was already folded to one sum stays folded.
        let hour = parts.first?.hour == Self.wholeDay ? Self.wholeDay : hour
        if let found = parts.firstIndex(where: { $0.hour == hour }) {
            parts[found].sum.add(sum)
        } else {
            parts.append((hour, sum))
            parts.sort { $0.hour < $1.hour }
        }
    }

    mutating func foldToDay() {
        var whole = Sum()
        for part in parts { whole.add(part.sum) }
        parts = whole.isEmpty ? [] : [(Self.wholeDay, whole)]
    }

    func encode() -> [UInt8] {
        var writer = ByteWriter()
        for part in parts {
            writer.byte(part.hour)
            part.sum.encode(into: &writer)
        }
        return writer.bytes
    }

    init() {}

    init(_ bytes: UnsafeRawBufferPointer) throws {
        var damage: (any Error)?
        self.init(salvaging: bytes, &damage)
        if let damage { throw damage }
    }

    /// What stands before the damage, if there is any.
    init(salvaging bytes: UnsafeRawBufferPointer, _ damage: inout (any Error)?) {
        var reader = ByteReader(bytes)
        do {
            while !reader.isAtEnd {
                let hour = try reader.byte()
                guard hour <= Self.wholeDay, parts.last.map({ $0.hour < hour }) ?? true else {
                    throw DamagedBytes(what: "hour of a day's sums")
                }
                parts.append((hour, try Sum(from: &reader)))
            }
        } catch {
            damage = error
        }
    }
}

/// The living part of a check, about 40 bytes. Format 1.
enum StateCodec {
    private static let format: UInt8 = 1

    static func encode(_ state: CheckState) -> [UInt8] {
        var writer = ByteWriter()
        writer.byte(format)
        writer.byte(state.verdict.rawValue)
        writer.byte(state.cause.rawValue)
        writer.byte((state.flapping ? 1 : 0) | (state.isBlind ? 2 : 0))
        writer.byte(state.pause.rawValue)
        writer.byte(state.attempts)
        writer.byte(state.recentCount)
        writer.number(UInt64(state.code))
        writer.number(UInt64(state.failures))
        writer.number(UInt64(state.successes))
        writer.number(UInt64(state.recentFailures))
        writer.number(UInt64(state.recentFlips))
        writer.number(UInt64(state.latencyMicroseconds))
        for instant in [state.lastPing, state.lastGood, state.since, state.wakingSince, state.pausedUntil] {
            writer.instant(instant)
        }
        writer.number(UInt64(state.certificateEndHours))
        writer.byte(state.incidentOpen ? 1 : 0)
        writer.byte(state.incidentCause.rawValue)
        writer.byte(state.wasBad ? 1 : 0)
        writer.byte(state.slowdown)
        writer.number(UInt64(state.incidentCode))
        writer.number(UInt64(state.incidentFlips))
        writer.instant(state.troubleSince)
        writer.instant(state.failingSince)
        writer.instant(state.goodSince)
        return writer.bytes
    }

    static func decode(_ bytes: UnsafeRawBufferPointer) throws -> CheckState {
        var reader = ByteReader(bytes)
        guard try reader.byte() == format, let verdict = Verdict(rawValue: try reader.byte()),
            let cause = Cause(rawValue: try reader.byte())
        else { throw DamagedBytes(what: "state of a check") }
        var state = CheckState()
        state.verdict = verdict
        state.cause = cause
        let flags = try reader.byte()
        guard flags <= 3 else { throw DamagedBytes(what: "flags of a check") }
        state.flapping = flags & 1 != 0
        state.isBlind = flags & 2 != 0
        guard let pause = CheckState.Pause(rawValue: try reader.byte()) else {
            throw DamagedBytes(what: "pause of a check")
        }
        state.pause = pause
        state.attempts = try reader.byte()
        state.recentCount = try reader.byte()
        guard state.recentCount <= 32 else { throw DamagedBytes(what: "count of recent pings") }
        state.code = try reader.narrow(UInt16.self)
        state.failures = try reader.narrow(UInt16.self)
        state.successes = try reader.narrow(UInt16.self)
        state.recentFailures = try reader.narrow(UInt32.self)
        state.recentFlips = try reader.narrow(UInt32.self)
        state.latencyMicroseconds = try reader.narrow(UInt32.self)
        state.lastPing = try reader.instant()
        state.lastGood = try reader.instant()
        state.since = try reader.instant()
        state.wakingSince = try reader.instant()
        state.pausedUntil = try reader.instant()
        state.certificateEndHours = try reader.narrow(UInt32.self)
        state.incidentOpen = try reader.flag()
        state.incidentCause = Cause(rawValue: try reader.byte()) ?? .none
        state.wasBad = try reader.flag()
        state.slowdown = try reader.byte()
        // It is a shift of the interval: more would make the interval nothing.
        guard state.slowdown <= 2 else { throw DamagedBytes(what: "slowdown") }
        state.incidentCode = try reader.narrow(UInt16.self)
        state.incidentFlips = try reader.narrow(UInt16.self)
        state.troubleSince = try reader.instant()
        // What older versions wrote ends here.
        guard !reader.isAtEnd else {
            if state.failures > 0 { state.failingSince = state.troubleSince }
            return state
        }
        state.failingSince = try reader.instant()
        state.goodSince = try reader.instant()
        guard reader.isAtEnd else { throw DamagedBytes(what: "more than a state") }
        return state
    }

    /// The pause of a state that cannot be read as a whole: what a person or the platform decided must not be undone by damage.
    /// nil when there was none, or when it cannot be read either.
    static func salvagedPause(_ bytes: UnsafeRawBufferPointer, now: Instant) -> CheckState? {
        guard bytes.count > 4, bytes[0] == format, bytes[1] == Verdict.paused.rawValue,
            let pause = CheckState.Pause(rawValue: bytes[4]), pause == .byPerson || pause == .byModeration
        else { return nil }
        return paused(pause, since: now)
    }

    static func paused(_ pause: CheckState.Pause, since: Instant, until: Instant = .never) -> CheckState {
        var state = CheckState()
        state.verdict = .paused
        state.pause = pause
        state.cause = pause == .byModeration ? .spaceModerated : .none
        state.since = since
        state.pausedUntil = until
        return state
    }
}
