import ControlRoom
import MCP
import Operations
import StokerCore
import Testing

@Suite(.timeLimit(.minutes(2))) struct MCPScenarioTests {
    static func run(_ era: MCPEra, _ test: @escaping @Sendable (MCPVisitor) async throws -> Void) async throws {
        let seal = Seal()
        let server = MCPServer(catalogue: FixtureCatalogue(seal: seal), seal: seal)
        let access = Access(token: nil, now: { SampleFleet.now })
        try await Served.run(
            SampleFleet.dozen(), access: access, extraRoutes: { addMCP(to: $0, server: server, access: access) }
        ) { served in try await test(MCPVisitor(served: served, era: era)) }
    }

    @Test func allOfTheFrozenSetsAreThere() {
        #expect(Set(MCPScenario.legacy.map(\.name)).count == 30)
        #expect(Set(MCPScenario.modern.map(\.name)).count == 37)
        #expect(MCPScenario.headers.count == 2)
    }

    @Test(arguments: MCPScenario.legacy) func legacy(_ scenario: MCPScenario) async throws {
        try await Self.run(.legacy) { try await scenario.run($0) }
    }

    @Test(arguments: MCPScenario.modern) func modern(_ scenario: MCPScenario) async throws {
        try await Self.run(.modern) { try await scenario.run($0) }
    }

    @Test(arguments: MCPScenario.headers) func headers(_ scenario: MCPScenario) async throws {
        try await Self.run(.modern) { try await scenario.run($0) }
    }
}
