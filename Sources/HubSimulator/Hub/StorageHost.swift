import Hummingbird

/// The host that signed links lead to. A request that also carries credentials is refused, as S3 does.
struct StorageHost: HTTPResponder {
    let hub: SimulatedHub

    func respond(to request: Request, context: HubContext) async throws -> Response {
        guard request.headers[.authorization] == nil else {
            return Response.text(
                "<Error><Code>InvalidArgument</Code><Message>Only one auth mechanism allowed</Message></Error>",
                status: .badRequest)
        }
        return Response.text("<Error><Code>AccessDenied</Code></Error>", status: .forbidden)
    }
}
