import HubClient
import StokerCore
import Testing

@Suite struct RepoIDTests {
    @Test(arguments: ["maren/orbit-api", "maren/Notes.Board_v2", "a/b", "_x/y_"]) func takes(id: String) throws {
        #expect(try RepoID(.space, id).description == id)
    }

    @Test(arguments: [
        "orbit-api", "a/b/c", "/b", "a/", "a/-b", "a/b.", "a/b--c", "a/b..c", "a/b.git", "a/b c", "ä/b",
        "a/" + String(repeating: "b", count: 97),
    ]) func refuses(id: String) {
        #expect(throws: Failure.self) { try RepoID(.space, id) }
    }

    @Test func knowsItsPaths() throws {
        #expect(try RepoID(.space, "maren/orbit-api").api == "/api/spaces/maren/orbit-api")
        #expect(try RepoID(.model, "maren/orbit-api").kind.prefix == "")
        #expect(try RepoID(.dataset, "maren/orbit-api").kind.prefix == "datasets/")
    }
}
