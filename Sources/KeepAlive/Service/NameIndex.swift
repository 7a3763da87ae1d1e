import StokerCore

/// Finds a check by its name in four bytes a check: places in the order of the names. A dictionary would take ten times that.
struct NameIndex {
    private let checks: [Check]
    private let order: [UInt32]

    init(_ checks: [Check] = []) {
        self.checks = checks
        let places = Array(0..<UInt32(checks.count))
        order = places.sorted { checks[Int($0)].name < checks[Int($1)].name }
    }

    func place(of name: String) -> Int? {
        var low = 0
        var high = order.count
        while low < high {
            let middle = (low + high) / 2
            if checks[Int(order[middle])].name < name { low = middle + 1 } else { high = middle }
        }
        guard low < order.count, case let place = Int(order[low]), checks[place].name == name else { return nil }
        return place
    }
}
