import StokerCore
import Testing

/// What people may see, whatever the door: pages, API, command line, logs, transcripts.
@Suite struct RedactionTests {
    @Test(arguments: [
        "session", "code", "jwt", "pass", "__sign", "sessionId", "PHPSESSID", "JSESSIONID", "auth", "oauth_verifier",
        "X-Amz-Signature", "X-Amz-Credential", "X-Goog-Signature", "api_key", "apiKey", "apikey2", "hapikey", "key",
        "sig",
        "sign", "authCode", "passcode", "userPass", "pwd", "pw", "pin", "otp", "sid", "csrf_token", "client_secret",
        "Policy", "Key-Pair-Id", "ticket", "SAMLResponse", "user[password]", "%73ession", "se%73sion", "TOKEN",
        "invite", "sess", "pswd", "creds", "appsig", "sigv4", "tok", "refresh", "mfa", "userpw", "nonce", "dsn",
        "webhook",
    ]) func parametersThatAreHidden(name: String) {
        for (before, after) in [("?", ""), ("?page=2&", "&sort=name"), ("#", ""), ("?a;", "#part")] {
            let (front, back) = ("https://a.test/x\(before)\(name)=", after)
            #expect(Redaction.address(front + "hun\"t;e'r2" + back) == front + "***" + back)
            #expect(Redaction.text("GET \(front)hunter2\(back) HTTP/1.1") == "GET \(front)***\(back) HTTP/1.1")
        }
    }

    @Test(arguments: [
        "page", "sort", "author", "authors", "status", "country", "q", "encode", "design", "bypass", "name", "id",
        "user",
        "lang", "width",
    ]) func parametersThatAreShown(name: String) {
        let address = "https://a.test/?\(name)=value&x=1"
        #expect(Redaction.address(address) == address)
        #expect(Redaction.text(address) == address)
    }

    @Test(arguments: [
        ("https://user:pass@example.com/a", "https://***@example.com/a"),
        ("https://a@b@example.com?x-amz-signature=1", "https://***@example.com?x-amz-signature=***"),
        ("https://user:pa/ss@example.com/a", "https://***@example.com/a"),
        ("https://example.com:8080/a@b", "https://example.com:8080/a@b"),
        ("https://a.test/@maren", "https://a.test/@maren"),
        ("tcp://db:5432", "tcp://db:5432"), ("//u@h/", "//***@h/"), ("/?password=a=b&c", "/?password=***&c"),
        ("/?token=", "/?token=***"), ("/?", "/?"), ("", ""), ("http://[::1]:80/?a=1", "http://[::1]:80/?a=1"),
        ("https://a.test/hf_abcdefgh1234/x", "https://a.test/hf_***"),
        // An address or a document in a parameter.
        ("https://a.test/?url=http%3A%2F%2Fb%3Ftoken%3Dx1&page=2", "https://a.test/?url=***&page=2"),
        ("https://a.test/?data=%7B%22password%22%3A%22x1%22%7D", "https://a.test/?data=***"),
        ("https://a.test/?u=%252F%253Fjwt%253Dx1", "https://a.test/?u=***"),
        ("https://a.test/?u=%2Fpage%3Fid%3D1&q=100%25", "https://a.test/?u=%2Fpage%3Fid%3D1&q=100%25"),
        ("https://hooks.slack.com/services/T1/B2/abcdef", "https://hooks.slack.com/services/***"),
        ("https://api.telegram.org/bot12345:AAabc-def/getMe", "https://api.telegram.org/bot***"),
    ]) func addresses(text: String, shown: String) {
        #expect(Redaction.address(text) == shown)
        #expect(Redaction.address(shown) == shown, "twice is as once")
    }

    @Test(arguments: [
        ("302 leads to https://u:p@a.test/?jwt=x.y.z", "302 leads to https://***@a.test/?jwt=***"),
        (#"{"url":"https://a.test/?code=1","ok":true}"#, #"{"url":"https://a.test/?code=***","ok":true}"#),
        (#"{"token": "ab\"c", "n": 1}"#, #"{"token": "***", "n": 1}"#),
        ("the token: it is not valid", "the token: it is not valid"), ("exit code=1", "exit code=1"),
        ("HF_ENDPOINT=http://127.0.0.1:9 and HF_HUB_OFFLINE", "HF_ENDPOINT=http://127.0.0.1:9 and HF_HUB_OFFLINE"),
        ("password=hunter2, again", "password=***, again"), ("basic authentication", "basic authentication"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic ***"), ("STOKER_TOKEN=…", "STOKER_TOKEN=…"),
        ("key ghp_abcdefghijklmnopqrstuvwxyz01", "key ghp_***"),
    ]) func messages(text: String, shown: String) { #expect(Redaction.text(text) == shown) }

    @Test(arguments: [
        (
            #"  t: { url: "https://a.test/?session=abc", every: 5sec }"#,
            #"  t: { url: "https://a.test/?session=***", every: 5sec }"#
        ),
        ("  password: ünter2, x", "  password: ******, x"), ("token: ${HF_TOKEN:-}", "token: ${HF_TOKEN:-}"),
        ("url: https://a/?code=${CODE}", "url: https://a/?code=${CODE}"), ("status_code: 200", "status_code: 200"),
        ("  key: \"a b\" }", "  key: \"* *\" }"), ("u: https://me:pw@a", "u: https://*****@a"),
    ]) func linesKeepTheirColumns(line: String, shown: String) {
        #expect(Redaction.source(line) == shown)
        #expect(Redaction.source(line).unicodeScalars.count == line.unicodeScalars.count)
    }

    @Test func whatIsHiddenIsKnownInBothSpellings() {
        #expect(Redaction.secrets(in: "https://a.test/?session=a%2Fb&x=1&code=c") == ["a%2Fb", "a/b", "c"])
    }

    @Test func searchingFindsNoSecret() {
        let check = Check(name: "t", address: "https://a.test/?session=Hunter2", policy: CheckPolicy())
        #expect(check.isFound(byAddress: "a.test"))
        #expect(!check.isFound(byAddress: "hunter"))
        #expect(!check.isFound(byAddress: "session=h"))
    }

    /// What the names of secrets were found by before they were looked at by bytes.
    private static func isSecretNameByCharacters(_ name: String) -> Bool {
        let marks = [
            "token", "secret", "passw", "passphrase", "passcode", "pwd", "signature", "credential", "session", "sessid",
            "cookie", "jwt", "apikey", "accesskey", "privatekey", "bearer", "csrf", "xsrf", "saml",
        ]
        let squeezed = name.lowercased().filter { $0.isLetter || $0.isNumber }
        if marks.contains(where: squeezed.contains) { return true }
        return squeezed.contains("authori") || squeezed.replacing("author", with: "").contains("auth")
    }

    @Test func namesAreTheSameByBytesAndByCharacters() {
        var random = SplitMix64(seed: 11)
        let pieces = [
            "tok", "en", "au", "th", "or", "i", "author", "auth", "TOKEN", "Pass", "w", "_", "-", "x", "k", "Key",
            "api",
            "\r\n", " ", "9", "c", "s", "r", "f", "é", "ſ", "К", "\u{200D}", "e\u{301}", "jw", "t", "user", "name",
            "ity",
        ]
        var secrets = 0
        for _ in 0..<20_000 {
            let name = (0..<Int.random(in: 0...7, using: &random)).map { _ in
                pieces[Int.random(in: 0..<pieces.count, using: &random)]
            }.joined()
            let isSecret = Redaction.isSecretName(name)
            #expect(isSecret == Self.isSecretNameByCharacters(name), "\(name.debugDescription)")
            if isSecret { secrets += 1 }
        }
        #expect((1_000...19_000).contains(secrets), "\(secrets) of them")
    }

    @Test(arguments: [
        ("", 5, ""), ("a b", 5, "a b"), ("a  b", 5, "a b"), (" a b ", 5, "a b"), ("abcdef", 5, "abcde…"),
        ("abcde", 5, "abcde"), ("a\tb\nc", 9, "a b c"), ("?code=ab", 8, "?code=**…"), ("ü\u{202E}x", 5, "üx"),
    ]) func quotes(text: String, limit: Int, shown: String) {
        #expect(Redaction.quote(text, limit: limit) == shown)
    }

    @Test func workIsLinear() {
        // Each mark could make the rest of the text be looked at again.
        for unit in ["?a", "?a=%3Db", "?a=%2525", "//a:b", "token=", "\"token\":\"", "&&", "hf_", "bearer "] {
            let text = String(repeating: unit, count: 20_000)
            #expect(Redaction.text(text).utf8.count <= text.utf8.count + 20_000 * 3)
            _ = Redaction.source(text)
        }
    }
}
