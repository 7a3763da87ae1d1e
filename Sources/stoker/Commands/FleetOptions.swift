import ArgumentParser

/// Which fleet a command works on.
struct FleetOptions: ParsableArguments {
    @Option(
        name: [.customLong("fleet"), .customShort("f")],
        help: ArgumentHelp("The fleet file (default: $STOKER_FLEET, else fleet.yaml).", valueName: "file"))
    var fleet: String?

    @Option(
        name: .customLong("env-file"),
        help: ArgumentHelp(
            "File of NAME=value lines for ${NAME} in the fleet file (default: .env when it exists).", valueName: "file")
    )
    var envFile: String?
}
