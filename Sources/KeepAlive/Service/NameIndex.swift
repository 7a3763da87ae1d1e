import StokerCore

/// Finds a check by its name in four bytes a check: indices in the order of the names. A dictionary would take ten times that.
struct NameIndex {
    private let checks: [Check]
    private let order: [UInt32]

    init(_ checks: [Check] = []) {
        self.checks = checks
        let indices = Array(0..<UInt32(checks.count))
        order = indices.sorted { checks[Int($0)].name < checks[Int($1)].name }
    }

    func index(of name: String) -> Int? {
        let place = firstPlace(from: name)
        guard place < order.count, case let index = Int(order[place]), checks[index].name == name else { return nil }
        return index
    }

    /// The main check of a target and its further ones, whose names begin with the target's and a slash; in the order of the fleet.
    func indices(ofTarget target: String) -> [UInt32] {
        // That is the name of a further check, and no target's.
        guard !target.contains("/") else { return [] }
        var found = index(of: target).map { [UInt32($0)] } ?? []
        let prefix = target + "/"
        var place = firstPlace(from: prefix)
        while place < order.count, checks[Int(order[place])].name.hasPrefix(prefix) {
            found.append(order[place])
            place += 1
        }
        return found.sorted()
    }

    /// Where in ``order`` the first name stands that is not before this one.
    private func firstPlace(from name: String) -> Int {
        var low = 0
        var high = order.count
        while low < high {
            let middle = (low + high) / 2
            if checks[Int(order[middle])].name < name { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
