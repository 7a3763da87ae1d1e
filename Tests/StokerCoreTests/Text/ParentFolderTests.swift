import StokerCore
import Testing

@Suite struct ParentFolderTests {
    @Test(arguments: [
        ("d", ""), ("data", ""), ("data/", ""), ("d/l", "d"), ("a/b/c", "a/b"), ("a/b//", "a"), ("a//b", "a"),
        ("/d", "/"), ("//d", "/"), ("/", "/"), ("/a/b", "/a"), ("", ""), ("./x", "."), ("å/é", "å"),
    ]) func theFolderOfAPath(_ path: String, _ folder: String) {
        #expect(path.parentFolder == folder)
    }
}
