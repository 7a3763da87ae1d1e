package import Hummingbird
package import Operations
package import StokerCore

/// ``addREST(to:context:token:authorize:)`` behind the control room's own ``Access``.
/// - Parameter token: the one `access` was made with.
package func addREST<Context: RequestContext>(
    to router: Router<Context>, context: OperationContext, token: Secret?, access: Access
) {
    addREST(
        to: router, context: context, token: token,
        admitKey: { (key, isRight, visit) throws(Failure) in
            try access.admit(
                key, isRight: isRight, from: (visit as? AppRequestContext)?.client ?? .other,
                doing: Operation.beat.doing)
        },
        principal: { (request, visit) in
            (visit as? AppRequestContext)?.principal ?? access.permission(for: request).principal
        },
        authorize: { (permission, request) throws(Failure) in
            switch permission {
            case .read: try access.authorize(.read, request)
            case .beat: try access.authorizeBeat(request)
            // Somebody who is known; what he may is the operation's to say.
            case .write: try access.authorize(.scope(.read), request)
            }
        })
}
