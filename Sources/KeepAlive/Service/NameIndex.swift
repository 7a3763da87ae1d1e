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
        var low = 0
        var high = order.count
        while low < high {
            let middle = (low + high) / 2
            if checks[Int(order[middle])].name < name { low = middle + 1 } else { high = middle }
        }
        guard low < order.count, case let index = Int(order[low]), checks[index].name == name else { return nil }
        return index
    }
}
