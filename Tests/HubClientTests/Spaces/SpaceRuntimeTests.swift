import Foundation
import HubClient
import StokerCore
import Testing

@Suite struct SpaceRuntimeTests {
    static func runtime(_ json: String) throws -> SpaceRuntime {
        try JSONDecoder().decode(SpaceRuntime.self, from: Data(json.utf8))
    }

    @Test func aFirstBuildIsRead() throws {
        let runtime = try Self.runtime(
            #"{"stage":"BUILDING","hardware":{"current":null,"requested":"cpu-basic"},"storage":null,"gcTimeout":172800,"replicas":{"requested":1},"devMode":false,"domains":[{"domain":"maren-orbit-api.hf.space","stage":"READY"}]}"#
        )
        #expect(runtime.stage == .building)
        #expect(runtime.hardware == nil)
        #expect(runtime.requestedHardware == "cpu-basic")
        #expect(runtime.sleepSeconds == 172_800)
        #expect(runtime.requestedReplicas == .count(1))
        #expect(runtime.replicas == nil)
        #expect(runtime.devMode == false)
        #expect(runtime.domains.map(\.name) == ["maren-orbit-api.hf.space"])
        #expect(runtime.domains.map(\.stage) == ["READY"])
        #expect(runtime.domains.map(\.isCustom) == [false])
        #expect(runtime.volumes == nil)
        #expect(!runtime.isStatic)
    }

    @Test func aStaticSpaceHasAlmostNothing() throws {
        let runtime = try Self.runtime(
            #"{"stage":"RUNNING","hardware":{"current":null,"requested":null},"storage":null,"replicas":{"requested":1,"current":1}}"#
        )
        #expect(runtime.isStatic)
        #expect(runtime.sleepSeconds == nil)
        #expect(runtime.domains.isEmpty)
        #expect(try Self.runtime(#"{"stage":"RUNNING"}"#).stage == .running)
    }

    @Test func whatIsNewBreaksNothingAndIsKept() throws {
        let runtime = try Self.runtime(
            #"{"stage":"MIGRATING","hardware":{"current":"b300x8","requested":"b300x8","zone":"eu-9"},"replicas":{"requested":"auto","current":null},"novel":{"a":1}}"#
        )
        #expect(runtime.stage.rawValue == "MIGRATING")
        #expect(runtime.requestedReplicas == .word("auto"))
        #expect(runtime.raw["novel"]?["a"]?.integer == 1)
        #expect(runtime.raw["hardware"]?["zone"]?.string == "eu-9")
    }

    @Test(arguments: [
        #"{"stage":"RUNNING","hardware":"cpu-basic","replicas":1,"domains":{"a":1},"devMode":"no","gcTimeout":"x","volumes":3,"sha":7}"#,
        #"{"stage":"RUNNING","hardware":null,"replicas":null,"domains":null,"devMode":null,"gcTimeout":null,"volumes":null}"#,
    ]) func fieldsOfAnotherTypeAreMissing(json: String) throws {
        let runtime = try Self.runtime(json)
        #expect(runtime.hardware == nil)
        #expect(runtime.domains.isEmpty)
        #expect(runtime.devMode == nil)
        #expect(runtime.sha == nil)
        #expect(runtime.volumes == nil)
    }

    @Test(arguments: ["{}", "[]", "null", #"{"stage":7}"#]) func withoutAStageItIsNoRuntime(json: String) {
        #expect(throws: (any Error).self) { try Self.runtime(json) }
    }

    @Test func moderationIsTold() throws {
        let flagged = try Self.runtime(
            #"{"stage":"PAUSED","errorMessage":"Flagged as abusive","abuse":{"reason":"huggingface:tunnel","detector":"RepoScanner","flaggedAt":"2026-05-01T00:00:00Z"}}"#
        )
        #expect(flagged.isModerated)
        #expect(flagged.abuse?.reason == "huggingface:tunnel")
        #expect(try Self.runtime(#"{"stage":"PAUSED","errorMessage":"flagged as abusive"}"#).isModerated)
        #expect(try !Self.runtime(#"{"stage":"PAUSED"}"#).isModerated)
    }

    @Test func volumesAreReadWithWhatIsHidden() throws {
        let runtime = try Self.runtime(
            #"{"stage":"RUNNING","volumes":[{"type":"bucket","source":"maren/orbit-store","mountPath":"/data","readOnly":false},{"type":"model","source":"****/******","mountPath":"/models","readOnly":true},{"odd":1}]}"#
        )
        #expect(runtime.volumes?.map(\.mountPath) == ["/data", "/models"])
        #expect(runtime.volumes?.map(\.isMasked) == [false, true])
    }

    @Test(
        arguments: [
            ("hf://buckets/maren/store:/data", "bucket", "maren/store", "/data", nil, nil, nil),
            ("hf://buckets/maren/store/live/a:/data:ro", "bucket", "maren/store", "/data", true, "live/a", nil),
            ("hf://datasets/maren/facts@v2:/facts", "dataset", "maren/facts", "/facts", nil, nil, "v2"),
            ("hf://maren/model:/m", "model", "maren/model", "/m", nil, nil, nil),
        ] as [(String, String, String, String, Bool?, String?, String?)])
    func notationIsRead(
        text: String, type: String, source: String, mount: String, readOnly: Bool?, path: String?, revision: String?
    ) throws {
        let volume = try SpaceVolume(notation: text)
        #expect(
            volume
                == SpaceVolume(
                    type: type, source: source, mountPath: mount, revision: revision, readOnly: readOnly, path: path))
        #expect(try SpaceVolume(notation: volume.notation) == volume)
    }

    @Test(arguments: [
        "buckets/a/b:/data", "hf://buckets/a/b", "hf://buckets/a/b:data", "hf://buckets/a:/data",
        "hf://buckets/a/b:/", "hf://models/a/b:/m:rw", "hf://a/b:/x:y",
    ]) func oddNotationIsRefused(text: String) {
        #expect(throws: Failure.self) { try SpaceVolume(notation: text) }
    }
}

@Suite struct SpaceWaitTests {
    let commit = "3f1c9a7e5b2d4860c1e7f9a3b5d7082461ace9bd"
    let old = "b4a1d5e6f708192a3b4c5d6e7f80910a1b2c3d4e"

    /// The looks of one wait: a macro cannot take a changing value.
    final class Looks {
        private var wait: SpaceWait
        init(commit: String?, isFresh: Bool, patience: Int = 3) {
            wait = SpaceWait(commit: commit, isFresh: isFresh, patience: patience)
        }
        var wantsHead: Bool { wait.wantsHead }
        func look(_ json: String, head: String? = nil) throws -> SpaceWait.Step {
            wait.look(at: try SpaceRuntimeTests.runtime(json), space: try .space("maren/orbit-api"), head: head)
        }
    }
    func isAsk(_ step: SpaceWait.Step) -> Bool { if case .ask = step { true } else { false } }
    func isWait(_ step: SpaceWait.Step) -> Bool { if case .wait = step { true } else { false } }
    func isFailed(_ step: SpaceWait.Step) -> Bool { if case .failed = step { true } else { false } }

    @Test func theOldVersionIsNotTakenForTheNew() throws {
        let wait = Looks(commit: commit, isFresh: true)
        let running = #"{"stage":"RUNNING","hardware":{"requested":"cpu-basic"},"sha":""#
        #expect(try isWait(wait.look(running + old + #""}"#)))
        #expect(try isWait(wait.look(#"{"stage":"RUNNING_BUILDING","sha":""# + old + #""}"#)))
        #expect(try isWait(wait.look(running + old + #""}"#)))
        #expect(try isAsk(wait.look(running + commit + #""}"#)))
    }

    @Test(arguments: [true, false]) func aNewerCommitTakesItsPlace(isOverAtOnce: Bool) throws {
        let wait = Looks(commit: commit, isFresh: true)
        let newer = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00"
        func running(_ sha: String) -> String {
            #"{"stage":"RUNNING","hardware":{"requested":"cpu-basic"},"sha":""# + sha + #""}"#
        }
        if !isOverAtOnce {
            #expect(try isWait(wait.look(running(old))))
            #expect(!wait.wantsHead)
            #expect(try isWait(wait.look(#"{"stage":"RUNNING_BUILDING","sha":""# + old + #""}"#)))
        }
        // It may also be one from before ours, which the Hub was still building: the head tells.
        var looks = 0
        while !wait.wantsHead, looks < 10 {
            #expect(try isWait(wait.look(running(newer))))
            looks += 1
        }
        #expect(try isWait(wait.look(running(newer), head: commit)))
        #expect(!wait.wantsHead)
        guard case .failed(let said, _) = try wait.look(running(newer), head: newer) else {
            Issue.record("it is waited for in vain")
            return
        }
        #expect(said == "a newer commit took its place: c0ffee0 runs")
    }

    @Test func aFailureOfYesterdayIsForgivenForAFewLooks() throws {
        let broken = #"{"stage":"BUILD_ERROR"}"#
        let fresh = Looks(commit: commit, isFresh: true, patience: 2)
        #expect(try isWait(fresh.look(broken)))
        #expect(try isWait(fresh.look(broken)))
        #expect(try isFailed(fresh.look(broken)))
        let moved = Looks(commit: commit, isFresh: true, patience: 10)
        #expect(try isWait(moved.look(#"{"stage":"BUILDING"}"#)))
        #expect(try isFailed(moved.look(broken)), "after a build it is today's")
        let stale = Looks(commit: commit, isFresh: false)
        #expect(try isFailed(stale.look(broken)))
    }

    @Test func withoutACommitOfTheRunningAppPatienceDecides() throws {
        let running = #"{"stage":"RUNNING","hardware":{"requested":"cpu-basic"}}"#
        let wait = Looks(commit: commit, isFresh: true, patience: 2)
        #expect(try isWait(wait.look(running)))
        #expect(try isWait(wait.look(running)))
        #expect(try isAsk(wait.look(running)))
        let isStatic = Looks(commit: commit, isFresh: true)
        #expect(try isAsk(isStatic.look(#"{"stage":"RUNNING","hardware":{"current":null,"requested":null}}"#)))
    }

    @Test(arguments: ["PAUSED", "DELETING", "RUNTIME_ERROR", "CONFIG_ERROR", "NO_APP_FILE"])
    func whatDoesNotComeIsSaid(stage: String) throws {
        let wait = Looks(commit: commit, isFresh: false)
        #expect(try isFailed(wait.look(#"{"stage":"\#(stage)"}"#)))
    }

    @Test func aCommitThatDoesNotRunIsNotReadyInDevModeEither() throws {
        let wait = Looks(commit: commit, isFresh: true)
        func runs(_ sha: String) -> String {
            #"{"stage":"RUNNING","devMode":true,"hardware":{"requested":"cpu-upgrade"},"sha":""# + sha + #""}"#
        }
        guard case .failed(let said, let hint) = try wait.look(runs(old)) else {
            Issue.record("dev mode does not build")
            return
        }
        #expect(said.contains("dev mode") && said.contains("b4a1d5e"))
        #expect(hint?.contains("--stop") == true)
        #expect(try isAsk(wait.look(runs(commit))))
    }

    @Test func sleepIsEndedByAVisitAndTheUnknownIsWaitedFor() throws {
        let wait = Looks(commit: commit, isFresh: false)
        guard case .wake = try wait.look(#"{"stage":"SLEEPING"}"#) else {
            Issue.record("what answers for a sleeping Space proves no commit")
            return
        }
        #expect(try isWait(wait.look(#"{"stage":"MIGRATING"}"#)))
        guard
            case .failed(let sentence, _) = try wait.look(
                #"{"stage":"PAUSED","abuse":{"reason":"huggingface:tunnel"}}"#)
        else {
            Issue.record("moderation ends the wait")
            return
        }
        #expect(sentence.contains("huggingface:tunnel"))
    }
}
