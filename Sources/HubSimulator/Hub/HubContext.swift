package import Hummingbird
package import NIOCore

/// One request on its way through the simulator.
package struct HubContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// The connection: faults close it.
    package let channel: any Channel
    /// nil: anonymous. A token that is unknown or expired never gets this far.
    package var caller: HubCaller?
    /// Set by ``HubResponder``.
    package var requestID = ""

    /// Commit requests carry up to 1 GB; everything else is small.
    package var maxUploadSize: Int { 64 << 20 }

    package init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }

    /// - Throws: 401 for anonymous callers.
    package func requireCaller() throws -> HubCaller {
        guard let caller else { throw HubError.needsToken }
        return caller
    }
}
