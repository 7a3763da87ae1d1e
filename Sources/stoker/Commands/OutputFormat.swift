import ArgumentParser

/// How a command writes what it has to say.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    /// For people on a terminal, the same without colour and progress elsewhere.
    case auto
    case human
    /// One JSON document on standard output; its shape is documented and only ever grows.
    case json
    /// Nothing but problems; the exit status is the answer.
    case quiet
}
