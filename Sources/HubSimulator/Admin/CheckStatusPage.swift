package import Foundation
import Synchronization

/// The platform's status page, as Better Stack serves such pages at `/index.json`.
///
/// Source: Better Stack, "JSON API status" and "Status page reports API response params", read 2026-11.
package final class StatusPage: Sendable {
    package struct Report: Sendable {
        var title: String
        /// `downtime` or `degraded`.
        var state: String
        var since: Date

        package init(title: String, state: String, since: Date) {
            self.title = title
            self.state = state
            self.since = since
        }
    }

    private let state = Mutex<(report: Report?, readings: Int)>((nil, 0))

    package init() {}

    package func set(_ report: Report?) { state.withLock { $0.report = report } }
    func noteReading() { state.withLock { $0.readings += 1 } }
    /// How often it was read.
    package var readings: Int { state.withLock { $0.readings } }

    func document(at now: Date) -> JSON {
        let report = state.withLock { $0.report }
        func resource(_ id: String, _ name: String, _ status: String) -> JSON {
            [
                "id": .string(id), "type": "status_page_resource",
                "attributes": ["public_name": .string(name), "status": .string(status), "resource_type": "Monitor"],
            ]
        }
        let status = report?.state ?? "operational"
        var included = [
            resource("101", "Hugging Face Hub", "operational"), resource("102", "Spaces", status),
            resource("103", "Spaces Proxy", "operational"),
        ]
        if let report {
            included.append([
                "id": "201", "type": "status_report",
                "attributes": [
                    "title": .string(report.title), "report_type": "manual", "starts_at": .date(report.since),
                    "ends_at": .null, "aggregate_state": .string(report.state),
                    "affected_resources": [["status_page_resource_id": "102", "status": .string(report.state)]],
                ],
            ])
        }
        return [
            "data": [
                "id": "1", "type": "status_page",
                "attributes": [
                    "company_name": "Hugging Face", "aggregate_state": .string(status), "updated_at": .date(now),
                ],
            ],
            "included": .array(included),
        ]
    }
}
