package import StokerCore

/// How `stoker apply` goes through many Spaces, as `rollout:` of the fleet file has it.
package struct Rollout: Sendable, Equatable {
    /// How many Spaces of a wave.
    package enum Share: Sendable, Equatable {
        case spaces(Int)
        /// Of all that change, rounded up.
        case percent(Int)

        /// `3` or `25%`; nil for anything else.
        package init?(_ text: String) {
            let isPercent = text.hasSuffix("%")
            let digits = isPercent ? text.dropLast() : text[...]
            guard (1...4).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = Int(digits), (1...(isPercent ? 100 : 1_000)).contains(number)
            else { return nil }
            self = isPercent ? .percent(number) : .spaces(number)
        }

        package var text: String {
            switch self {
            case .spaces(let count): "\(count)"
            case .percent(let percent): "\(percent)%"
            }
        }

        func count(of all: Int) -> Int {
            switch self {
            case .spaces(let count): count
            case .percent(let percent): max(1, (all * percent + 99) / 100)
            }
        }
    }

    /// What is done with the Spaces that fail.
    package enum OnFailure: String, Sendable, CaseIterable {
        /// They stay as they are, to be looked at.
        case stop
        /// Their files go back to the last good commit.
        case rollback
    }

    /// Spaces of the first wave; 0 for none of its own.
    package var canary = 1
    package var then = Share.percent(25)
    /// Longest time from the last change of a Space until it runs and answers.
    package var within: Duration = .seconds(600)
    package var onFailure = OnFailure.stop

    package init() {}
}

/// `rollout:` of the fleet file.
package enum RolloutSection {
    package static let table = FleetTable<Rollout>(
        [
            FleetKey(
                "canary", .integer(0...1_000, "a number of Spaces such as 1"), \.canary,
                "Spaces that are changed first and have to answer before any other is touched; 0: no such wave.",
                defaultValue: "1", example: "2", invalidExamples: ["-1", "1001", "some"]),
            FleetKey(
                "then", share, \.then, "Spaces of each wave behind it: a number, or a share of all that change.",
                defaultValue: "`25%`", range: "1 to 1000, or `1%` to `100%`", example: "50%",
                invalidExamples: ["0", "0%", "101%", "half"]),
            FleetKey(
                "within", .duration(.seconds(10) ... .seconds(7_200), example: "10m"), \.within,
                "Longest time until a changed Space runs and answers.", defaultValue: "10m", example: "20m",
                invalidExamples: ["5s", "3h", "soon"]),
            FleetKey(
                "on_failure", .word, \.onFailure,
                "What becomes of Spaces that do not: `stop` leaves them as they are, `rollback` gives them the files of their last good commit. Either way no further wave begins.",
                defaultValue: "`stop`", example: "rollback", invalidExamples: ["retry"]),
        ])

    private static let share = FleetValue<String>.text(
        "a number of Spaces or a share such as 25%", pattern: "^([1-9][0-9]{0,2}|1000|([1-9][0-9]?|100)%)$",
        fault: { Rollout.Share($0) == nil ? "is no number of Spaces and no share; write 3 or 25%" : nil }
    ).map({ Rollout.Share($0) ?? .percent(25) }, back: { $0.text })

    package static let section = FleetSection(
        "rollout", "How `stoker apply` goes through many Spaces: in waves, each of which has to answer.", table,
        initial: Rollout())
}
