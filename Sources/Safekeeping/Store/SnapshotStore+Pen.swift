import Crypto
import NIOCore
import NIOPosix
import Runtime
import StokerCore

extension SnapshotStore {
    private static let want = "v1/want"

    /// Takes the pen: from here on every other holder is fenced. Makes the vault's first head when it is empty. Proves the vault's conditions first.
    /// - Parameters:
    ///   - holder: who this is, for people: a host's name, a container's id. Never a secret.
    ///   - sequence: the highest that somebody remembers of this vault: an emptier one is refused.
    package func claim(as holder: String, remembering sequence: UInt64 = 0) async throws -> Claim {
        try await withFailureContext("claim the pen") {
            try await CommitBudget.$isUrgent.withValue(true) { try await claimed(as: holder, remembering: sequence) }
        }
    }

    private func claimed(as holder: String, remembering sequence: UInt64) async throws -> Claim {
        try await retrying.probe()
        var base = try await readHead()
        while true {
            if sequence > (base?.head.sequence ?? 0) {
                throw Failure(
                    .vaultDamaged, doing: "claim the pen of \(vault.name)",
                    because: base == nil
                        ? "it is empty, and sequence \(sequence) was seen there before"
                        : "it shows sequence \(base?.head.sequence ?? 0), and \(sequence) was seen there before",
                    hint: "an old state was put back, or the address is another's; nothing was written")
            }
            let (from, keyring) = try await startingHead(base)
            let previous = from.sealed.holder
            var head = from.next()
            head.epoch += 1
            head.sealed.holder = Holder(name: holder, epoch: head.epoch, since: now(), hasReleased: false)
            switch try await swap(head, for: base, keyring: keyring) {
            case .done(let opened):
                if base == nil { try await keepCopy(of: opened.head) }
                return Claim(
                    epoch: opened.head.epoch, holder: holder, newest: opened.head.sealed.newestSnapshot,
                    previous: previous)
            case .refused(let found): base = found
            }
        }
    }

    /// The head to go on from: that of the vault, or the first one, sealed with this key.
    private func startingHead(_ base: Opened?) async throws -> (Head, Keyring) {
        if let base { return (base.head, base.keyring) }
        if vault.limits.isPublic, key.slotKind == .open {
            throw Failure(
                .vaultKey, doing: "make \(vault.name)", because: "anybody may read it, and no key was given",
                hint: "make a key with `stoker key new` and give it in STOKER_KEY")
        }
        let key = key
        return try await NIOThreadPool.singleton.runIfActive {
            let cipher = Cipher.ofThisMachine()
            let keyring = Keyring.make()
            let keyringKey = SymmetricKey(size: .bits256)
            let slot = try KeySlot.make(key, label: "first", keyringKey: keyringKey, cipher)
            return (Head(cipher: cipher, slots: [slot], keyring: try keyring.sealed(with: keyringKey, cipher)), keyring)
        }
    }

    /// Says that nothing more will be published under a claim, so that the next one need not wait. A claim that was fenced is let be.
    package func release(_ claim: Claim) async throws {
        try await withFailureContext("release the pen") {
            try await CommitBudget.$isUrgent.withValue(true) {
                var base = try await readHead()
                while let opened = base, opened.head.epoch == claim.epoch {
                    var head = opened.head.next()
                    head.sealed.holder?.hasReleased = true
                    switch try await swap(head, for: opened, keyring: opened.keyring) {
                    case .done: return
                    case .refused(let found): base = found
                    }
                }
            }
        }
    }

    /// Asks the holder politely to publish and stop. Nothing stands on it.
    package func requestPen(as holder: String) async throws {
        try await withFailureContext("ask for the pen") {
            let epoch = try await retrying.readHead().map { try Head.cover(of: $0.bytes).epoch } ?? 0
            let wish: JSONValue = ["epoch": .integer(Int64(epoch)), "holder": .string(holder)]
            try await retrying.put(ByteBuffer(bytes: wish.bytes), as: Self.want, .atOnce)
        }
    }

    /// Who asks for the pen since this claim; nil for nobody.
    package func penRequest(since claim: Claim) async throws -> String? {
        try await withFailureContext("look who asks for the pen") {
            guard let bytes = try await vault.read(Self.want, 0..<4096),
                let wish = try? JSONValue(reading: String(buffer: bytes)),
                wish["epoch"]?.integer == Int(exactly: claim.epoch)
            else { return nil }
            return wish["holder"]?.string ?? "somebody"
        }
    }

    /// Who has the pen now; nil for a vault that nobody claimed yet. For the one who waits.
    package func holder() async throws -> Holder? {
        try await withFailureContext("look who has the pen") { try await readHead()?.head.sealed.holder }
    }

    /// The head under a claim.
    /// - Throws: ``Fenced``.
    func head(under claim: Claim) async throws -> Opened {
        let begin = retrying.clock.now()
        var failures = 0
        while true {
            guard let opened = try await readHead() else {
                throw Failure(
                    .vaultDamaged, doing: "publish in \(vault.name)", because: "its head is gone",
                    hint: "nothing is published until somebody has looked")
            }
            if opened.head.epoch > claim.epoch { throw Fenced(by: opened.head.holderNow) }
            if opened.head.epoch == claim.epoch, opened.head.sequence >= seen { return opened }
            // A reading from before the claim, or the vault was put back.
            failures += 1
            let wait = min(.milliseconds(100) * (1 << min(failures, 7)), .seconds(10))
            guard retrying.clock.now() - begin + wait <= retrying.patience else {
                throw Failure(
                    .vaultDamaged, doing: "publish in \(vault.name)",
                    because: "it shows sequence \(opened.head.sequence), older than \(seen), which was seen",
                    hint: "an old state was put back: look at the vault before anything is published")
            }
            try await retrying.clock.sleep(wait)
        }
    }
}

extension Head {
    var holderNow: Holder {
        sealed.holder ?? Holder(name: "somebody", epoch: epoch, since: .never, hasReleased: false)
    }
}

extension Head.Contents {
    var newestSnapshot: Snapshot? { newest.flatMap { id in snapshots.first { $0.id == id } } }
}
