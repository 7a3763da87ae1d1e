import HubClient
import Operations

extension OperationContext {
    /// The same with an account on the Hub.
    static func ofThisProcess(_ hub: Hub) -> OperationContext {
        let process = ofThisProcess
        return OperationContext(now: process.now, hub: hub, dataFolder: ProcessEnvironment.process.dataFolder)
    }
}
