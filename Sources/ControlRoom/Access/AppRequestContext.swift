package import Hummingbird
import Logging
package import NIOCore
package import StokerCore

extension RequestContext {
    /// As the log has it. Unlike the library's `id` it does not trap under a logger that keeps no metadata.
    var requestID: String { logger[metadataKey: "hb.request.id"]?.description ?? "" }
}

/// What is known of one request while it is answered: the context type of every route of the control room.
///
/// The front end fills ``permission`` before a route runs, so a page can leave out buttons the visitor may not press.
/// Routes that act or show still call ``Access/authorize(_:_:)``: a button left out protects nothing.
package struct AppRequestContext: RemoteAddressRequestContext {
    package var coreContext: CoreRequestContextStorage
    package var permission = Access.Permission.nothing
    /// Who sends it. The same as ``Principal/current`` while a route answers.
    package var principal: Principal { permission.principal }
    /// Whom it comes from; the front end looks whether a proxy says so.
    package var client: ClientAddress

    /// The connection, to close it under a viewer who does not read.
    let channel: any Channel

    package init(source: ApplicationRequestContextSource) {
        channel = source.channel
        client = ClientAddress(source.channel.remoteAddress)
        coreContext = CoreRequestContextStorage(source: source)
    }

    /// Who is at the other end of the connection: perhaps a proxy.
    package var remoteAddress: SocketAddress? { channel.remoteAddress }

    /// Largest body a route may collect; bytes. The front end refuses a larger `Content-Length` at once.
    package var maxUploadSize: Int { 64 * 1024 }
}
