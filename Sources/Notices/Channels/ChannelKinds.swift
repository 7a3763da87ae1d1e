/// Every kind of channel that a fleet file can name.
package enum ChannelKinds {
    /// In the order of the docs.
    package static let all: [any Channel.Type] = [
        DiscordChannel.self, SlackChannel.self, TelegramChannel.self, TeamsChannel.self, GoogleChatChannel.self,
        NtfyChannel.self, PagerDutyChannel.self, EmailChannel.self, WebhookChannel.self, CommandChannel.self,
    ]
}
