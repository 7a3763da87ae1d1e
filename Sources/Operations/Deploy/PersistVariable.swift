import Deployment
import Safekeeping
import StokerCore

extension [Deploy] {
    /// With what `persist:` of the fleet file says of each, as the variable that `stoker guard` inside reads. It counts as declared: `plan` shows it, `drift`
    /// compares it. A Space that names the variable itself has its own word.
    ///
    /// Keys of vaults are secrets, and none of their values is in it: `${STOKER_KEY:-}` stands for them.
    func handingOver(_ fleet: Fleet) -> [Deploy] {
        let settings = Dictionary(fleet[PersistSection.ofSpaces].map { ($0.target, $0.settings) }) { first, _ in first }
        let vaults = fleet[VaultsSection.section]
        return map { deploy in
            guard let own = settings[deploy.target], deploy.variables[PersistSection.variable] == nil else {
                return deploy
            }
            var deploy = deploy
            deploy.variables[PersistSection.variable] = PersistSection.variableValue(
                own, vaults, namespace: fleet.hub.namespace)
            return deploy
        }
    }
}
