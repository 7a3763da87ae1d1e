/// Every kind of channel: to add one, its file beside this one and a line here.
package enum ChannelKinds {
    package static let all: [any Channel.Type] = []
}
