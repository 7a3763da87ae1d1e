import NIOCore
import StokerCore

/// Pings that outlive a fleet.
extension Shard {
    struct Handover {
        var ticket: Int64
        /// Ended before it was known where to.
        var attempt: Attempt?
        var destination: Destination?
    }

    /// Where the check of a ping is now.
    struct Destination: Sendable {
        var shard: Shard
        var index: UInt32
        var name: String
    }

    /// So long after its limit a ping of another shard is given up.
    static let lostAfter = Duration.seconds(5)

    /// Says where the pings under way belong after the fleet was replaced, by serial; the others are dropped: their check has
    /// changed or gone.
    func place(_ destinations: [UInt64: Destination]) {
        for (serial, travel) in travels {
            guard let destination = destinations[serial] else {
                gate.end(travel.ticket)
                travels[serial] = nil
                continue
            }
            travels[serial]?.destination = destination
            if let attempt = travel.attempt { arrived(serial, attempt) }
        }
        arm()
    }

    func arrived(_ serial: UInt64, _ attempt: Attempt) {
        guard let travel = travels[serial] else { return }
        guard let to = travel.destination else {
            travels[serial]?.attempt = attempt
            return
        }
        travels[serial] = nil
        gate.end(travel.ticket)
        let carrier = first
        guard to.shard !== self else {
            return take(attempt, for: to.index, to.name, serial: serial, carrier: carrier)
        }
        // What its transcript is made of belongs to this loop.
        let made = attempt.transcript(1, .up, .none, "")
        var copy = attempt
        copy.transcript = { number, outcome, cause, detail in
            var transcript = made
            (transcript.attempt, transcript.outcome) = (number, outcome)
            (transcript.cause, transcript.detail) = (cause, detail)
            return transcript
        }
        nonisolated(unsafe) let moved = copy  // nobody here keeps it
        to.shard.loop.execute {
            to.shard.assumeIsolated { $0.take(moved, for: to.index, to.name, serial: serial, carrier: carrier) }
        }
    }

    func take(_ attempt: Attempt, for index: UInt32, _ name: String, serial: UInt64, carrier: Int) {
        guard holds(index, name), let ping = pings[index], ping.ticket != nil, ping.serial == serial,
            ping.carrier == carrier
        else { return }
        timetable.cancel(index)
        took(index, ping, attempt)
    }
}
