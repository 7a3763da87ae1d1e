extension SimulatedHub {
    /// Makes a Space of a scene: older than any rule about plans, and where the scene wants it.
    /// - Throws: ``HubError`` when the namespace is unknown, or the Space exists.
    package func make(_ scene: SceneSpace) async throws -> HostedSpace {
        let parts = scene.id.split(separator: "/").map(String.init)
        guard parts.count == 2, let engine = spaces as? SpaceEngine else {
            throw HubError.bad("Invalid id: \(scene.id)")
        }
        var owner = await state.account(parts[0])
        if owner == nil, let organisation = await state.organisation(parts[0]) {
            let member = organisation.members.filter { $0.value == .admin || $0.value == .write }.keys.min()
            if let member { owner = await state.account(member) }
        }
        guard let owner else { throw HubError.bad("Nobody may write to \(parts[0])") }
        var creation = Creation(kind: .space, namespace: parts[0], name: parts[1], visibility: scene.visibility)
        creation.wishes = scene.wishes
        creation.wishes.sdk = scene.sdk
        creation.isOld = true
        creation.files = scene.files.sorted { $0.key < $1.key }.map { ($0.key, Array($0.value.utf8)) }
        let caller = HubCaller(account: owner, token: HubToken("", account: owner.name))
        try await state.requireCreation(caller, in: parts[0])
        try Self.checkName(parts[1])
        _ = try await createAlone(creation, by: caller)
        guard let space = engine.space(scene.id) else { throw HubError.noRepo(anonymous: false) }
        if let stage = scene.stage, !space.isStatic {
            space.live.move { machine, now in
                let head = machine.head
                if scene.servesOld { machine.commit(HubID.stable("before " + scene.id) + "0123456789abcdef") }
                machine.set(stage, errorMessage: scene.errorMessage, at: now - scene.age)
                machine.commit(head)
            }
        }
        return space
    }
}
