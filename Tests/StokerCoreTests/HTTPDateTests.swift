import StokerCore
import Testing

@Suite struct HTTPDateTests {
    @Test func aDateIsRead() {
        #expect(Instant(httpDate: "Sun, 06 Nov 1994 08:49:37 GMT")?.description == "1994-11-06T08:49:37.000Z")
        #expect(Instant(httpDate: "Thu, 28 May 2026 11:41:20 GMT")?.milliseconds == 1_779_968_480_000)
    }

    @Test(arguments: [
        "Thu, 28 May 9223372036854775807 11:41:20 GMT", "Thu, 99 May 2026 11:41:20 GMT",
        "Mon, 29 Feb 2027 11:41:20 GMT",
        "Thu, 28 May 2026 9223372036854775807:41:20 GMT", "Thu, 28 May 2026 11:41:-9223372036854775808 GMT",
        "Thu, 28 May 2026 11:41:20 CET", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "12", "",
    ]) func whatIsNone(text: String) {
        #expect(Instant(httpDate: text) == nil)
    }
}
