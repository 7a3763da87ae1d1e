// swift-tools-version:6.2
import PackageDescription

/// Every room is built alike. CI sets STOKER_STRICT=1, which makes warnings errors.
let strict: [SwiftSetting] = Context.environment["STOKER_STRICT"] == "1" ? [.treatAllWarnings(as: .error)] : []
let room: [SwiftSetting] =
    strict + [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ]

/// The linker that comes with Swift: it packs relocations, which Scripts/release.sh asks for, and takes a third of the time.
/// STOKER_ICU is an archive that stands before the toolchain's own of that name, see Scripts/release.sh.
let lld: [LinkerSetting] = [
    .unsafeFlags(
        ["-use-ld=lld"] + (Context.environment["STOKER_ICU"].map { [$0] } ?? []),
        .when(platforms: [.linux], configuration: .release))
]

let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioFoundation = Target.Dependency.product(name: "NIOFoundationCompat", package: "swift-nio")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let fileSystem = Target.Dependency.product(name: "_NIOFileSystem", package: "swift-nio")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")

let package = Package(
    name: "stoker",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "stoker", targets: ["stoker"]),
        .executable(name: "stoker-bench", targets: ["stoker-bench"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto.git", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types.git", exact: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log.git", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio.git", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras.git", exact: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-system.git", exact: "1.8.1"),
        .package(url: "https://github.com/groue/GRDB.swift.git", exact: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", exact: "2.28.1"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache.git", exact: "2.1.1"),
        .package(url: "https://github.com/jpsim/Yams.git", exact: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client.git", exact: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", exact: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess.git", exact: "1.0.2"),
    ],
    targets: [
        // Floor 7: start
        .executableTarget(
            name: "stoker",
            dependencies: [
                "CommandLine", "ControlRoom", "MCP", "Operations", "KeepAlive", "Notices", "Safekeeping", "Workshop",
                "HubClient", "Ledger", "Runtime", "StokerCore", "HubSimulator", asyncHTTPClient, lifecycle, logging,
                nioCore, nioPosix, unixSignals,
            ],
            swiftSettings: room,
            linkerSettings: lld
        ),
        // Floor 6: type, show
        .target(
            name: "CommandLine",
            dependencies: [
                "MCP", "Operations", "Safekeeping", "HubClient", "Ledger", "Runtime", "StokerCore", arguments,
                asyncHTTPClient, logging, nioCore, nioHTTP1, nioPosix, unixSignals,
            ],
            swiftSettings: room
        ),
        .target(
            name: "ControlRoom",
            dependencies: [
                "Deployment", "Diagnosis", "HubClient", "MCP", "Notices", "Operations", "Workshop", "Ledger",
                "StokerCore",
                "StokerAssets",
                hummingbird,
                hummingbirdCore,
                lifecycle,
                logging,
                nioCore, nioHTTPTypes, httpTypes,
                crypto, .product(name: "Mustache", package: "swift-mustache"),
            ],
            swiftSettings: room
        ),
        // Floor 5: speak to agents
        .target(
            name: "MCP",
            dependencies: ["Operations", "StokerAssets", "StokerCore", crypto],
            swiftSettings: room),
        // Floor 4: do
        .target(
            name: "Operations",
            dependencies: [
                "KeepAlive", "Deployment", "Notices", "Safekeeping", "Workshop", "Diagnosis", "HubClient", "Ledger",
                "Runtime",
                "StokerCore", crypto, logging, nioCore, nioPosix,
            ],
            swiftSettings: room
        ),
        // Floor 3: keep warm, ship, tell
        .target(
            name: "KeepAlive",
            dependencies: [
                "Diagnosis", "Ledger", "Runtime", "StokerCore", asyncHTTPClient, lifecycle, logging,
                nioCore, nioPosix, nioHTTP1, nioSSL, nioTLS, "CZlib",
            ],
            swiftSettings: room
        ),
        .target(
            name: "Deployment", dependencies: ["Diagnosis", "HubClient", "StokerAssets", "StokerCore", yams],
            swiftSettings: room),
        .target(
            name: "Notices",
            dependencies: [
                "Diagnosis", "Ledger", "Runtime", "StokerCore", asyncHTTPClient, crypto, logging, nioCore,
                nioFoundation, nioHTTP1,
                nioPosix,
                nioSSL, lifecycle, .product(name: "Mustache", package: "swift-mustache"),
            ],
            swiftSettings: room
        ),
        .target(
            name: "Safekeeping",
            dependencies: [
                "HubClient", "Runtime", "StokerCore", "CLinux", "CZstd", crypto, cryptoExtras, logging, nioCore,
                nioHTTP1,
                nioPosix, grdb, .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: room
        ),
        .target(
            name: "Workshop",
            dependencies: [
                "CLinux", "HubClient", "Ledger", "Runtime", "StokerAssets", "StokerCore", asyncHTTPClient, crypto,
                lifecycle, logging, nioCore, nioHTTP1, subprocess,
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: room
        ),
        // Floor 2: talk to the Hub, remember
        .target(
            name: "HubClient",
            dependencies: [
                "Diagnosis", "Runtime", "StokerCore", asyncHTTPClient, crypto, logging, nioCore, nioHTTP1,
                nioFoundation, nioPosix, nioSSL,
            ],
            swiftSettings: room
        ),
        .target(
            name: "Ledger",
            dependencies: [
                "Runtime", "StokerCore", logging, lifecycle, grdb, .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: room
        ),
        // Floor 1: know why a Space fails; clocks, files, locks and programs of the machine
        .target(name: "Diagnosis", dependencies: ["StokerCore", "StokerAssets"], swiftSettings: room),
        .target(
            name: "Runtime",
            dependencies: [
                "CLinux", "StokerCore", nioPosix, subprocess,
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: room
        ),
        // Floor 0: think
        .target(name: "StokerCore", dependencies: [yams], swiftSettings: room),
        // Pretends to be the outside world; knows nothing of ours.
        .target(
            name: "HubSimulator",
            dependencies: [
                nioCore, nioPosix, nioHTTP1, nioHTTPTypes, nioFoundation, fileSystem, hummingbird, httpTypes,
                asyncHTTPClient, crypto, subprocess, yams, lifecycle, logging,
            ],
            swiftSettings: room
        ),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", providers: [.apt(["libzstd-dev"])]),
        // The one place for calls that Swift's Glibc module does not have; the jail for code of a stranger is among them.
        .target(name: "CLinux"),
        .target(name: "StokerAssets", exclude: ["Files"], linkerSettings: [.linkedLibrary("z")]),

        // What `make bench` measures inside the engine; the rest of it is scripts and peers in Benchmarks/.
        .executableTarget(
            name: "stoker-bench",
            dependencies: [
                "HubDay", "KeepAlive", "HubClient", "HubSimulator", "Ledger", "Notices", "Runtime", "StokerCore",
                arguments,
                asyncHTTPClient, lifecycle, logging, nioCore, nioPosix,
            ],
            path: "Benchmarks/Sources/stoker-bench",
            swiftSettings: room,
            linkerSettings: lld
        ),

        // A fleet's day at the Hub on a clock moved by hand: for tests and benchmarks.
        .target(
            name: "HubDay",
            dependencies: [
                "HubClient", "HubSimulator", "KeepAlive", "Ledger", "Operations", "Runtime", "StokerCore",
                asyncHTTPClient, logging, nioCore, nioHTTP1, nioPosix,
            ],
            path: "Tests/HubDay",
            swiftSettings: room
        ),

        // One test target per room
        .target(
            name: "TestSupport",
            dependencies: [
                "KeepAlive", "Notices", "Operations", "Ledger", "Runtime", "StokerCore", "Workshop", logging, nioCore,
                nioPosix,
                nioSSL,
            ],
            path: "Tests/TestSupport",
            swiftSettings: room
        ),
        .testTarget(
            name: "StokerCoreTests", dependencies: ["StokerCore"],
            exclude: ["Fleet/Bad", "Fleet/validate.py"], swiftSettings: room),
        .testTarget(
            name: "DiagnosisTests", dependencies: ["Diagnosis", "StokerCore"], exclude: ["Corpus"], swiftSettings: room),
        .testTarget(
            name: "RuntimeTests", dependencies: ["Runtime", "StokerCore", "TestSupport"], swiftSettings: room),
        .testTarget(
            name: "KeepAliveTests",
            dependencies: [
                "HubClient", "HubDay", "HubSimulator", "KeepAlive", "Ledger", "Operations", "Runtime", "StokerCore",
                "TestSupport", logging, nioCore, nioPosix, nioHTTP1, nioSSL, "CZlib",
            ],
            swiftSettings: room
        ),
        .testTarget(
            name: "LedgerTests",
            dependencies: [
                "Ledger", "Runtime", "StokerCore", "TestSupport", lifecycle, logging, grdb,
            ],
            exclude: ["OlderLedgers"],
            swiftSettings: room
        ),
        .testTarget(
            name: "ControlRoomTests",
            dependencies: [
                "ControlRoom", "Deployment", "HubClient", "HubSimulator", "MCP", "Operations", "Notices", "Ledger",
                "StokerCore", "TestSupport",
                hummingbird,
                .product(name: "HummingbirdTesting", package: "hummingbird"), lifecycle, logging, nioCore, nioPosix,
            ],
            swiftSettings: room
        ),
        .testTarget(
            name: "MCPTests",
            dependencies: ["MCP", "Operations", "StokerCore", "TestSupport"], swiftSettings: room),
        .testTarget(
            name: "OperationsTests",
            dependencies: [
                "Deployment", "HubClient", "HubSimulator", "Ledger", "Operations", "Runtime", "Safekeeping",
                "StokerCore", "TestSupport", logging, nioCore, nioPosix,
            ],
            exclude: ["Doctor/Spaces"],
            swiftSettings: room),
        .testTarget(
            name: "CommandLineTests",
            dependencies: ["CommandLine", "Diagnosis", "Operations", "StokerCore", "TestSupport", arguments],
            swiftSettings: room),
        .testTarget(
            name: "NoticesTests",
            dependencies: [
                "Ledger", "Notices", "Runtime", "StokerCore", "TestSupport", asyncHTTPClient, logging, nioCore,
                nioPosix,
            ],
            exclude: ["Channels/smtp_server.py"],
            swiftSettings: room),
        .testTarget(
            name: "WorkshopTests",
            dependencies: [
                "HubClient", "HubSimulator", "Ledger", "Runtime", "StokerCore", "TestSupport", "Workshop", logging,
            ],
            exclude: ["newest.py"],
            swiftSettings: room),
        .testTarget(
            name: "DeploymentTests",
            dependencies: ["Deployment", "HubClient", "HubSimulator", "Runtime", "StokerCore", logging, nioCore, yams],
            swiftSettings: room),
        .testTarget(
            name: "SafekeepingTests",
            dependencies: [
                "HubClient", "HubSimulator", "Runtime", "Safekeeping", "StokerCore", "TestSupport", logging, nioCore,
                nioHTTP1,
            ],
            swiftSettings: room),
        .testTarget(
            name: "HubSimulatorTests",
            dependencies: [
                "HubSimulator", "TestSupport", asyncHTTPClient, hummingbird, nioCore, nioHTTP1, nioPosix, subprocess,
            ],
            exclude: ["Conformance", "OfficialSuite"],
            swiftSettings: room),
        .testTarget(
            name: "HubClientTests",
            dependencies: [
                "HubClient", "HubSimulator", "Runtime", "StokerCore", "TestSupport", asyncHTTPClient, crypto, logging,
                nioCore, nioHTTP1, nioPosix, subprocess,
            ],
            swiftSettings: room),
        .testTarget(
            name: "EndToEndTests",
            dependencies: ["stoker", "StokerCore", "TestSupport", asyncHTTPClient, nioCore, nioHTTP1],
            exclude: ["MCP/official_client.py", "MCP/restarts.py"], swiftSettings: room),
    ],
    swiftLanguageModes: [.v6]
)

// Coverage-guided fuzzing (Scripts/fuzz.sh) builds three rooms with instruments, in a build folder of its own.
if Context.environment["STOKER_FUZZ"] == "1" {
    let instruments: [String] = ["-sanitize=fuzzer", "-sanitize-coverage=edge,inline-8bit-counters,pc-table"]
    for target in package.targets where ["StokerCore", "HubClient", "KeepAlive"].contains(target.name) {
        target.swiftSettings = (target.swiftSettings ?? []) + [.unsafeFlags(instruments)]
    }
    package.targets.append(
        .executableTarget(
            name: "stoker-fuzz", dependencies: ["HubClient", "KeepAlive", "StokerCore", nioCore, nioPosix, nioHTTP1],
            path: "Tests/Fuzz", exclude: ["Corpus"], swiftSettings: room,
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer"])]))
}
