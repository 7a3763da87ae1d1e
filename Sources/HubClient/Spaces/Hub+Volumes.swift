import NIOHTTP1
import StokerCore

/// What is to become of a Space's volumes. The Hub only takes whole lists, so a change is read, merged and written.
package enum VolumeChange: Sendable, Equatable {
    /// Adds a volume, or replaces the one with the same mount path.
    case mount(SpaceVolume)
    case unmount(path: String)
    /// All others go.
    case replaceAll([SpaceVolume])
}

/// What became of them.
package struct VolumeResult: Sendable, Equatable {
    package var volumes: [SpaceVolume]
    /// False when the list was as wished already: then nothing was written and the Space did not restart.
    package var changed: Bool
}

extension Hub {
    /// The volumes of a Space, from its runtime.
    package func volumes(of space: RepoID) async throws(HubFailure) -> [SpaceVolume] {
        try await runtime(of: space).volumes ?? []
    }

    /// Merges changes into the present list and writes it, when that changes anything. The Space restarts then.
    /// - Throws: `hub.not_sent` when the list holds a source that this token may not see: writing it back would lose it.
    package func changeVolumes(of space: RepoID, _ changes: [VolumeChange]) async throws(HubFailure) -> VolumeResult {
        let doing = "change the volumes of \(space)"
        let present = try await volumes(of: space)
        let wished = Self.merged(present, changes)
        guard wished != present else { return VolumeResult(volumes: present, changed: false) }
        if let masked = wished.first(where: \.isMasked) {
            throw HubFailure(
                .refusedByUs, doing: doing,
                said:
                    "the source mounted at \(masked.mountPath) is hidden from this token, and the whole list is written",
                hint: "use a token that may read it, or unmount \(masked.mountPath) in the same call")
        }
        struct Body: Encodable { var volumes: [SpaceVolume] }
        // A whole list: writing it twice is the same as once.
        if wished.isEmpty {
            do {
                _ = try await send(
                    HubRequest(
                        .DELETE, "\(space.api)/volumes", doing: doing, right: "write access to \(space)",
                        action: .write(repo: space)))
            } catch let failure where failure.mayHaveHappened {
                // Asked again it would be refused: there are none any more.
                guard let now = try? await volumes(of: space), now.isEmpty else { throw failure }
            } catch {
                throw await namingStatic(error, of: space)
            }
        } else {
            do {
                _ = try await send(
                    HubRequest(
                        .PUT, "\(space.api)/volumes", doing: doing, body: .json(encoding: Body(volumes: wished)),
                        right: "write access to \(space)", repeats: .freely, action: .write(repo: space)))
            } catch {
                throw await namingStatic(error, of: space)
            }
        }
        return VolumeResult(volumes: wished, changed: true)
    }

    package static func merged(_ present: [SpaceVolume], _ changes: [VolumeChange]) -> [SpaceVolume] {
        var list = present
        for change in changes {
            switch change {
            case .mount(let volume):
                if let place = list.firstIndex(where: { $0.mountPath == volume.mountPath }) {
                    // What the Hub filled in is no difference.
                    if !list[place].isAsWished(volume) { list[place] = volume }
                } else {
                    list.append(volume)
                }
            case .unmount(let path): list.removeAll { $0.mountPath == path }
            case .replaceAll(let volumes):
                list = volumes.map { volume in
                    present.first { $0.mountPath == volume.mountPath && $0.isAsWished(volume) } ?? volume
                }
            }
        }
        return list
    }
}

extension SpaceVolume {
    /// Whether this one, as the Hub tells it, is what was asked for.
    fileprivate func isAsWished(_ wish: SpaceVolume) -> Bool {
        type == wish.type && source == wish.source && mountPath == wish.mountPath && path == wish.path
            && (wish.revision == nil || revision == wish.revision)
            && (readOnly ?? (type != "bucket")) == (wish.readOnly ?? (type != "bucket"))
    }
}
