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
    func forwardPings(to destinations: [UInt64: Destination]) {
        for (serial, handover) in handovers {
            guard let destination = destinations[serial] else {
                admission.end(handover.ticket)
                handovers[serial] = nil
                continue
            }
            handovers[serial]?.destination = destination
            if let attempt = handover.attempt { forwardAttempt(serial, attempt) }
        }
        arm()
    }

    func forwardAttempt(_ serial: UInt64, _ attempt: Attempt) {
        guard let handover = handovers[serial] else { return }
        guard let to = handover.destination else {
            handovers[serial]?.attempt = attempt
            return
        }
        handovers[serial] = nil
        admission.end(handover.ticket)
        let probingShard = number
        guard to.shard !== self else {
            return receiveAttempt(attempt, for: to.index, to.name, serial: serial, probingShard: probingShard)
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
            to.shard.assumeIsolated {
                $0.receiveAttempt(moved, for: to.index, to.name, serial: serial, probingShard: probingShard)
            }
        }
    }

    func receiveAttempt(_ attempt: Attempt, for index: UInt32, _ name: String, serial: UInt64, probingShard: Int) {
        guard holds(index, name), let ping = pings[index], ping.ticket != nil, ping.serial == serial,
            ping.probingShard == probingShard
        else { return }
        timetable.cancel(index)
        evaluateAttempt(index, ping, attempt)
    }
}
