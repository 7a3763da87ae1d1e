extension StatusQuery {
    /// Whether the check is one of those that text, group and kind ask for; its verdict is not looked at.
    package func matches(_ check: Check) -> Bool {
        if let kind, check.policy.kind != kind { return false }
        if let group, check.groupLabel != group { return false }
        guard !text.isEmpty else { return true }
        let text = text.lowercased()
        return check.name.lowercased().contains(text) || check.isFound(byAddress: text)
            || check.space?.lowercased().contains(text) == true
    }
}
