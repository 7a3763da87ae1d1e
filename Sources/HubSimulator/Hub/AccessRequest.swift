package import FoundationEssentials

/// Somebody's wish to read the files of a gated repository. Source: huggingface_hub `HfApi.list_pending_access_requests`, `grant_access`.
package struct AccessRequest: Sendable, Equatable {
    package enum Status: String, Sendable {
        case pending, accepted, rejected
    }
    package var id: String
    /// An account's name.
    package var user: String
    package var status: Status
    package var at: Date
    package var rejectionReason: String?
    /// Asked by the user, who thereby shows the address; not when the owner granted it.
    package var sharesEmail: Bool
}

extension HubState {
    /// Whether a caller may read the files: whoever may write, members of the organisation unless they are gated, too, and who was let in.
    func passesGate(_ caller: HubCaller?, of repo: HubRepo) -> Bool {
        guard repo.isGated else { return true }
        guard let caller else { return false }
        if right(of: caller, on: repo) == .write || caller.account.name == repo.namespace { return true }
        if !repo.orgMembersGated, organisation(repo.namespace)?.members[caller.account.name] != nil { return true }
        return repo.accessRequests.contains { $0.user == caller.account.name && $0.status == .accepted }
    }
}
