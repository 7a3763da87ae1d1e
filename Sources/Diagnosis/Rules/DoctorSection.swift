package import StokerCore

/// `doctor:` of the fleet file.
package struct DoctorSettings: Sendable, Equatable {
    /// Paths of files of rules, as they were written.
    package var files: [FleetReference] = []
    /// What those files say; none before they are read.
    package var rules = RuleFile()

    package init() {}

    /// The built-in rules with those beside them.
    package var doctor: Doctor {
        rules.ids.isEmpty && rules.signs.isEmpty ? .standard : Doctor(.builtIn.adding([rules]))
    }
}

package enum DoctorSection {
    package static let section = FleetSection(
        "doctor", "What the doctor knows besides the built-in rules.",
        FleetTable<DoctorSettings>([
            FleetKey(
                "rules",
                FleetValue<[FleetReference]>.list(
                    .reference("the path of a file of rules, such as rules/feeds.yaml"), "files of rules", limit: 20),
                \.files,
                "Files of rules beside the built-in ones: see [the doctor](doctor.md). Paths are relative to the fleet file. They are read with it.",
                defaultValue: "none", example: "[]", invalidExamples: ["{ a: b }"])
        ]), initial: DoctorSettings())
}
