/// Addresses about which hand-written readers disagree, for tests that hold a room's reading against `WebOrigin`'s.
package let trickyAddresses = [
    "https://huggingface.co", "https://HuggingFace.co:443/x", "https://huggingface.co./x", "http://huggingface.co:80",
    "http://localhost:7860", "http://LOCALHOST", "http://localhost.", "http://stoker.localhost:1",
    "http://127.0.0.1:8000",
    "http://127.8.8.8", "http://127.example.com", "http://127.0.0.1.example.com", "http://localhost.example.com",
    "http://[::1]:8000", "http://[::1]", "http://[::ffff:127.0.0.1]:1", "http://[2001:db8::1]:80", "http://[::1",
    "http://[::1]x", "http://::1:80", "http://[fe80::1%25eth0]", "http://user:pw@127.0.0.1:80",
    "http://127.0.0.1@evil.example",
    "https://huggingface.co@evil.example", "https://huggingface.co\\@evil.example",
    "https://evil.example#@huggingface.co",
    "https://evil.example?@huggingface.co/", "http://1.2.3.999", "http://1.2.3", "http://0x7f.0.0.1",
    "http://0177.0.0.1",
    "http://2130706433", "http://1%32%37.0.0.1", "http://a%2ehf.space", "https://acme-app.hf.space",
    "https://evilhf.space",
    "https://acme-app.hf.space.", "https://a:0", "https://a:65536", "https://a:", "https://:1", "https://",
    "https:///x",
    "ftp://a", "a", "", "http://a b", "http://a\tb", "http://ä.example", "http://a..b", "http://a_b.example",
]
