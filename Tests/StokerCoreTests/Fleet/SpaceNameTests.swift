import StokerCore
import Testing

@Suite struct SpaceNameTests {
    @Test(arguments: [
        ("acme/bot", "acme/bot"), ("bot", "bot"), ("spaces/acme/bot", "acme/bot"), ("", ""),
        ("https://huggingface.co/spaces/acme/bot", "acme/bot"),
        ("https://huggingface.co/spaces/acme/bot/tree/main/x", "acme/bot"),
        ("https://hf.co/spaces/acme/bot?logs=build", "acme/bot"), ("http://127.0.0.1:8/spaces/acme/bot#x", "acme/bot"),
        ("https://huggingface.co/acme/bot", "https://huggingface.co/acme/bot"),
        ("https://other.test/spaces/acme/bot", "https://other.test/spaces/acme/bot"),
    ]) func aPageNamesItsSpace(text: String, id: String) {
        #expect(SpaceName.id(fromPage: text, endpoint: "http://127.0.0.1:8") == id)
    }

    @Test(
        arguments: [
            ("bot", nil), ("_b.o-t_", nil), (String(repeating: "a", count: 96), nil),
            ("", "each half has 1 to 96 characters"),
            (String(repeating: "a", count: 97), "each half has 1 to 96 characters"),
            ("bö", "only letters, digits, \".\", \"_\" and \"-\" are allowed"),
            ("-a", "-a begins or ends with \".\" or \"-\""),
            ("a.", "a. begins or ends with \".\" or \"-\""), ("a--b", "a--b contains \"--\" or \"..\""),
            ("a..b", "a..b contains \"--\" or \"..\""), ("a.git", "a.git ends in .git"),
        ] as [(String, String?)]) func whatNoNameCanBe(part: String, problem: String?)
    {
        #expect(SpaceName.problem(with: part) == problem)
        #expect(SpaceName.isPart(part) == (problem == nil))
        #expect(SpaceName.isID("acme/\(part)") == (problem == nil))
    }
}
