import ControlRoom
import Foundation
import Hummingbird
import Operations
import StokerCore
import Testing

@Suite struct OpenAPITests {
    /// Keeps docs/openapi.json true. With `STOKER_WRITE_DOCS=1` it is written anew.
    @Test func theFileIsWhatTheServerGives() async throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../docs/openapi.json")
            .standardizedFileURL
        if ProcessInfo.processInfo.environment["STOKER_WRITE_DOCS"] == "1" {
            try OpenAPI.document.prettyText.write(to: file, atomically: true, encoding: .utf8)
        } else {
            #expect(
                try String(contentsOf: file, encoding: .utf8) == OpenAPI.document.prettyText,
                "write it anew with STOKER_WRITE_DOCS=1")
        }
        let served = try await RESTTests.ask(.get, "/api/v1/openapi.json")
        #expect(served.status == 200)
        #expect(served.body == OpenAPI.document)
    }

    @Test func everyOperationIsDescribedOnce() {
        var ids: [String] = []
        for path in OpenAPI.document["paths"]?.members ?? [] {
            for method in path.value.members ?? [] { ids.append(method.value["operationId"]?.string ?? "") }
        }
        #expect(Set(ids).count == ids.count)
        for operation in Operations.Operation.all { #expect(ids.contains(operation.name)) }
    }

    @Test func everyReferenceLeadsSomewhere() {
        let names = Set(OpenAPI.document["components"]?["schemas"]?.members?.map(\.name) ?? [])
        var seen = 0
        func visit(_ value: JSONValue) {
            if let target = value["$ref"]?.string {
                seen += 1
                #expect(names.contains(String(target.split(separator: "/").last ?? "")), "\(target)")
            }
            value.members?.forEach { visit($0.value) }
            value.array?.forEach(visit)
        }
        visit(OpenAPI.document)
        #expect(seen > 20)
    }
}
