import Foundation
import StokerCore
import Testing

/// What holds for every kind of check, those to come included.
@Suite("The registry of check kinds")
struct CheckKindsTests {
    @Test("names and schemes belong to one kind each")
    func unique() {
        #expect(Set(CheckKinds.all.map { $0.name }).count == CheckKinds.all.count)
        #expect(Set(CheckKinds.schemes.map(\.rawValue)).count == CheckKinds.schemes.count)
        for kind in CheckPolicy.Kind.allCases {
            #expect(CheckPolicy.Kind(rawValue: kind.rawValue) == kind)
            for scheme in kind.type.schemes { #expect(scheme.kind == kind) }
            #expect(kind.type.isPassive == kind.type.schemes.isEmpty)
        }
        #expect(CheckPolicy.Kind(rawValue: "gopher") == nil)
    }

    @Test("the example of a kind is one of its addresses and has one spelling", arguments: CheckPolicy.Kind.allCases)
    func example(kind: CheckPolicy.Kind) throws {
        guard !kind.type.isPassive else { return }
        let text = kind.type.example.replacing("port", with: "8443")
        let address = try Address(text)
        #expect(address.scheme.kind == kind)
        #expect(try Address(address.description) == address)
        let pattern = try Regex("^(?:\(kind.type.addressPattern))$")
        #expect(text.contains(pattern), "the schema refuses what the reader takes")
    }

    @Test("what a kind expects or takes is a key that the reader knows", arguments: CheckPolicy.Kind.allCases)
    func keys(kind: CheckPolicy.Kind) {
        let common = ["status", "text", "regex", "json", "within", "certificate_days"]
        let own = kind.type.ownExpectations.map(\.key)
        #expect(Set(own).isDisjoint(with: common))
        for key in kind.type.expectations { #expect((common + own).contains(key), "\(key)") }
        #expect(Set(own).isSubset(of: kind.type.expectations))
        #expect(kind.type.settings.isSubset(of: CheckKinds.settings))
    }

    @Test("the schema takes the addresses of every kind")
    func schema() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "../../../docs/fleet.schema.json")
        let schema = try String(contentsOf: file, encoding: .utf8)
        for kind in CheckKinds.all where !kind.isPassive {
            let escaped = kind.addressPattern.replacing("\\", with: "\\\\")
            #expect(schema.contains(escaped), "docs/fleet.schema.json lacks the addresses of \(kind.name)")
        }
    }

    @Test("sentences of a kind hold no secret of its address")
    func secrets() {
        let secret = "s3cr3t-v4lue-of-a-key"
        for kind in CheckPolicy.Kind.allCases where kind.type.opensInBrowser {
            let check = Check(
                name: "a", address: "https://example.com/?token=\(secret)", policy: CheckPolicy(kind: kind))
            #expect(!kind.type.work(of: check).contains(secret))
        }
    }
}
