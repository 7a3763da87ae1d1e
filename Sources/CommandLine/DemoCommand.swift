import ArgumentParser

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Show everything over a simulated Hub and fleet on this machine.",
        discussion: """
            A simulated Hub on loopback with a dozen Spaces: healthy, slow, asleep and waking, flapping, "Running" but dead, \
            serving an old build, out of memory, moderated, private, building. The engine, the ledger and the dashboard are the \
            real ones: they read the Hub, ping the Spaces and restart what hangs. Nothing leaves this machine, and what was \
            remembered is removed at the end unless --data names a folder.

            How to point hf and stoker space at this Hub is printed at the start. Without git on this machine there is no Hub: \
            the Spaces are there, and only what their visitors see is judged.

            `stoker demo workshop` shows a worker instead: it looks at a small repository with three years of history, and publishes to \
            a dataset of the simulated Hub.

            EXAMPLES
              stoker demo
              stoker demo --port 0
              stoker demo workshop
            """)

    @Argument(help: "What is shown: fleet or workshop.")
    var what: Demo = .fleet
    @OptionGroup var options: ServeOptions

    func run() async throws { try await Launcher.current.demo(what, options) }
}

/// What `stoker demo` can show.
package enum Demo: String, Sendable, CaseIterable {
    case fleet, workshop
}

extension Demo: ExpressibleByArgument {}
