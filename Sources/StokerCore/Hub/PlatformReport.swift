/// Trouble that the platform itself tells of on its status page.
package struct PlatformReport: Sendable, Equatable {
    /// In the platform's words: foreign text.
    package var title: String
    /// Since when; nil where the page does not say.
    package var since: Instant?
    /// The page that tells it, for people.
    package var page: String

    /// While it lasts and Spaces fail, an event tells of it so often.
    package static let toldEvery = Duration.seconds(3_600)

    package init(title: String, since: Instant?, page: String) {
        self.title = title
        self.since = since
        self.page = page
    }

    /// As a part of a sentence: `the platform tells of “Hub unavailable” since 08:30 (https://status.example.com)`.
    package var phrase: String {
        "the platform tells of “\(Redaction.quote(title, limit: 120))”"
            + (since.map { " since \(Formatting.time($0))" } ?? "") + " (\(Redaction.address(page)))"
    }
}
