import Foundation
import StokerCore
import Testing

/// Our reading of `.env` files against python-dotenv's (`Tests/requirements.txt`), which most people's values went through before.
@Suite struct DotEnvReferenceTests {
    /// Texts of which both read the same, one rule each.
    static let same = [
        "", "\n\n", "# only\n", "  # only\n", "A=1\n", "A=1", "A=1\nB=2\n", " A=1\n", "\tA = 1 \n", "A= 1\n", "A =1\n",
        "A=\n", "A= \n",
        "A=\nB=1\n", "A=#FF0000\n", "A=#s3cret!\n", "A= # note\n", "A=\t# note\n", "A=#\n", "A=# x\n", "A=a#b\n",
        "A=a #b\n", "A=a\t#b\n",
        "A=a # b # c\n", "A=a#b #c\n", "A=##\n", "A=a b  c\n", "A=a  \n", "A==b\n", "A=b=c\n", "A=b==\n", "A=a'b\n",
        "A=a\"b\"\n",
        "A=a 'b' c\n", "A='b'\n", "A='b' # c\n", "A='b'#c\n", "A='b'   \n", "A='b # c'\n", "A='a\"b'\n", "A='it\\'s'\n",
        "A='a\\\\b'\n",
        "A='a\\nb'\n", "A='a\\\\'\n", "A='a\\\\'\nB='c'\n", "A=''\n", "A='  '\n", "A='a\nb'\n", "A='a\n# b\nc'\nB=1\n",
        "A=\"b\"\n",
        "A=\"b\" # c\n", "A=\"b\"#c\n", "A=\"b # c\"\n", "A=\"a'b\"\n", "A=\"a\\\"b\"\n", "A=\"a\\\\b\"\n",
        "A=\"a\\\\\"\n",
        "A=\"a\\\\\"\nB=\"c\"\n", "A=\"a\\nb\"\n", "A=\"a\\tb\\rc\"\n", "A=\"\\a\\b\\f\\v\\'\"\n", "A=\"\\x\\d\\ \"\n",
        "A=\"\\\\n\"\n",
        "A=\"\"\n", "A=\"a\nb\nc\"\nB=1\n", "A=\"a\\\nb\"\n", "A=\"{\\\"a\\\": [1, \\\"b\\\"]}\"\n", "A={\"a\": 1}\n",
        "A=\\n\n", "A=a\\\n",
        "A=a\\ #b\n", "export A=1\n", "export\tA=1\n", "export  A = 1\n", "export=1\n", "  export A=1\n",
        "exported=1\n", "A=export B=1\n",
        "A=1\nA=2\n", "a=1\nA=2\n", "_A=1\n", "A_1=x\n", "A=1\r\nB=2\r\n", "A=1\rB=2\r", "A=\"a\r\nb\"\r\n",
        "A='a\rb'\n", "A=1 \r\n",
        "A= # c\r\nB=2\r\n", "\u{FEFF}A=1\n", "A=\u{A0}1\n", "A=1\u{A0}\n", "A=a\u{A0}#b\n", "A=é☃\u{1F525}\n",
        "A=\"é☃\"\n", "A=$B\n",
        "B=1\nA=$B\n", "A=a$\n", "A=$(date)\n", "A=${open\n", "A=${a:b}\n", "A=`x`\n", "A=a;b&c|d\n", "A=!x\n",
        "A=a,b\n", "A=/a/b\n",
        "A=https://x.y/?a=b&c=d#e\n", "A=postgres://u:p%40w@h:5432/d?x=y\n", "A=-----x-----\n", "A=\u{C}x\u{B}\n",
        "A=x\u{1C}#y\n",
        "A=a\u{2003}b\u{2003}\n", "A=\u{85}x\n", "A=x\u{2028}y\n", "\u{B}A=1\n", "A=1\n  \n\t\n# x\n\nB=2", "A=1#\n",
        "A=1 #\n",
    ]

    /// Texts that we refuse though python-dotenv reads something, and why.
    static let stricter = [
        ("A\n", "it names a variable without a value, and means that it has none"),
        ("A=1\nabc\n", "a line that is no variable is skipped; it may be the rest of a value"),
        ("A=\"x\n", "a quote that is never closed: the line is skipped"), ("A='x\n", "the same"),
        ("A=\"x\" y\n", "something behind the quote: the line is skipped"), ("A='x'y\n", "the same"),
        ("A=\"x\\\"\n", "the closing quote is escaped: the line is skipped"),
        ("=x\n", "a line without a name is skipped"), ("export =x\n", "the same"),
        ("a.b=1\n", "no shell and no Space can have such a name"), ("a-b=1\n", "the same"), ("1A=1\n", "the same"),
        ("ä=1\n", "the same"),
        ("'A'=1\n", "a quoted name"), ("A B=1\n", "the line is skipped"),
        ("A=${B}\n", "is expanded there, to nothing when there is no B"), ("B=1\nA=x${B}y\n", "is expanded there"),
        ("A='${B}'\n", "is expanded there in spite of the quotes"), ("A=\"${B:-c}\"\n", "is expanded there"),
        ("A=${}\n", "the same"),
        ("A=\"\\$x\"\n", "keeps the backslash there, and loses it elsewhere"),
        ("QUJD==\n", "the last line of something in base64"),
        ("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj0aa=\n", "the same"),
    ]

    static let script = """
        import io, json, os, sys, tempfile, logging
        from dotenv import dotenv_values
        logging.disable(logging.CRITICAL)
        os.environ.clear()
        answers = []
        with tempfile.TemporaryDirectory() as folder:
            for text in json.load(open(sys.argv[1], encoding="utf-8")):
                path = os.path.join(folder, "e")
                with open(path, "w", encoding="utf-8", newline="") as file: file.write(text)
                answers.append({k: v for k, v in dotenv_values(path).items() if v is not None})
        json.dump(answers, sys.stdout)
        """

    static func reference(_ texts: [String]) async throws -> [[String: String]] {
        let python = Files.root.appending(path: ".build/venv/bin/python").path
        let input = FileManager.default.temporaryDirectory.appending(path: "stoker-\(UUID().uuidString).json")
        try JSONEncoder().encode(texts).write(to: input)
        defer { try? FileManager.default.removeItem(at: input) }
        let (output, status) = try await Files.run(python, ["-c", script, input.path])
        try #require(status == 0, "python-dotenv is needed in .build/venv: Scripts/setup.sh test")
        return try JSONDecoder().decode([[String: String]].self, from: Data(output.utf8))
    }

    @Test func readsWhatPythonDotenvReads() async throws {
        for (text, answer) in zip(Self.same, try await Self.reference(Self.same)) {
            switch DotEnv.read(text: text, name: "e") {
            case .success(let own): #expect(own == answer, "\(text.debugDescription)")
            case .failure(let problems): Issue.record("\(text.debugDescription) is refused: \(problems)")
            }
        }
    }

    @Test func isStricterForAReason() async throws {
        for (text, why) in Self.stricter {
            guard case .failure(let problems) = DotEnv.read(text: text, name: "e") else {
                Issue.record("\(text.debugDescription) is read: \(why)")
                continue
            }
            #expect(problems.list.allSatisfy { $0.text.count > 20 })
        }
    }

    /// Whatever is read is read the same; what is refused is one of the kinds above.
    @Test func madeUpTextsAreReadTheSame() async throws {
        var random = SplitMix64(seed: 20_261_129)
        func pick<T>(_ list: [T]) -> T { list[Int.random(in: 0..<list.count, using: &random)] }
        let pieces = [
            "a", "B", "1", "_", "=", "#", " ", "  ", "\t", "'", "\"", "\\", "\\\\", "\\\"", "\\'", "\\n", "\n", "\r\n",
            "$", "{", "}", "é", "x y",
            "\u{A0}", ":", "/", "export ", "A=", "\nB=", "\nC = ", "\n# ", " #",
        ]
        var texts: [String] = []
        for _ in 0..<3_000 {
            texts.append(
                pick(["", "A=", "A='", "A=\"", "export A=", " A = "])
                    + (0..<Int.random(in: 0...9, using: &random)).map { _ in pick(pieces) }.joined()
                    + pick(["", "\n", "'", "\"", "'\n", "\"\nZ=1\n"]))
        }
        var read = 0
        for (text, answer) in zip(texts, try await Self.reference(texts)) {
            guard case .success(let own) = DotEnv.read(text: text, name: "e") else { continue }
            read += 1
            #expect(own == answer, "\(text.debugDescription)")
        }
        #expect(read > 1_000, "too few texts say something")
    }
}
