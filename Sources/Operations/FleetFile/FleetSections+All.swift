import Deployment
import Diagnosis
import Notices
import Safekeeping
package import StokerCore
import Workshop

extension FleetSections {
    /// Every section that a fleet file may have: what StokerCore knows, and what the rooms add.
    package static let all = FleetSections.standard.adding(ChannelsSection.section).adding(NotifySection.section)
        .adding(StatusPagesSection.section)
        .adding(VaultsSection.section).adding(PersistSection.section).adding(PersistSection.ofSpaces)
        .adding(DeploySection.section).adding(DeploySection.ofSpaces).adding(RolloutSection.section).adding(
            DoctorSection.section
        ).adding(WorkersSection.section)
}
