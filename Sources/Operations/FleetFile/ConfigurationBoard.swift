package import StokerCore

/// What a running server was configured with, for who asks where a value comes from.
package struct ConfigurationBoard: Sendable {
    /// A value that the fleet file did not decide.
    package struct Override: Sendable, Equatable {
        package enum Source: String, Sendable, CaseIterable { case flag, environment, made }
        package var source: Source
        /// `--port`, `PORT`, what made it.
        package var name: String

        package init(_ source: Source, _ name: String) {
            self.source = source
            self.name = name
        }
    }

    /// The fleet file's text as it is now, and what it means.
    package struct Reading: Sendable {
        package var text: String
        package var fleet: Result<Fleet, Failure>
        package init(text: String, fleet: Result<Fleet, Failure>) {
            self.text = text
            self.fleet = fleet
        }
    }

    /// As it was named; nil for a fleet that does not come from a file.
    let path: String?
    /// By the keys' paths.
    let overrides: [String: Override]
    /// As it was started: what needs a restart is still so.
    let started: Fleet
    let sections: FleetSections
    let read: (@Sendable () async throws(Failure) -> Reading)?

    package init(
        path: String?, overrides: [String: Override], started: Fleet, sections: FleetSections,
        read: (@Sendable () async throws(Failure) -> Reading)?
    ) {
        self.path = path
        self.overrides = overrides
        self.started = started
        self.sections = sections
        self.read = read
    }
}

/// One key as it is in force, and where that comes from.
struct ConfiguredValue {
    var setting: FleetSetting
    /// For people; nil for nothing.
    var shown: String?
    var source: Source
    /// `fleet.yaml:9`, `$PORT`, `--port`.
    var place: String?
    var note: String?

    enum Source: String, CaseIterable { case file, flag, environment, made, standard = "default" }
}

extension ConfigurationBoard {
    /// - Parameters:
    ///   - now: the fleet in force.
    ///   - places: of the file as it is now.
    func values(_ now: Fleet, _ places: [String: FleetPlace]) -> [ConfiguredValue] {
        let atStart = Dictionary(
            sections.settings(started).map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
        return sections.settings(now).map { setting in
            var setting = setting
            if setting.needsRestart, let old = atStart[setting.path] { setting = old }
            let place = places[setting.path]
            var value = ConfiguredValue(setting: setting, shown: shown(setting, place), source: .standard)
            if let override = overrides[setting.path] {
                value.source = ConfiguredValue.Source(rawValue: override.source.rawValue) ?? .made
                value.place = override.source == .environment ? "$\(override.name)" : override.name
                if let place, let path { value.note = "wins over \(Self.name(path)):\(place.line)" }
            } else if let place, let path {
                value.source = .file
                value.place = "\(Self.name(path)):\(place.line)"
                if !place.variables.isEmpty {
                    value.note = "from " + place.variables.map { "$\($0)" }.joined(separator: ", ")
                }
            }
            if setting.isSecret, value.shown != nil {
                value.note = [value.note, "the value is never shown"].compactMap(\.self).joined(separator: "; ")
            }
            return value
        }
    }

    private func shown(_ setting: FleetSetting, _ place: FleetPlace?) -> String? {
        if setting.isSecret { return setting.differs ? "set" : nil }
        // A list that nobody wrote is told in words.
        if let value = setting.value, setting.differs || value.array == nil && value.members == nil {
            return Redaction.text(value.string ?? value.text)
        }
        // Defaults for all Spaces are known to the file alone.
        if let written = place?.value { return Redaction.text(written) }
        if place != nil { return "said in the file" }
        return setting.defaultValue.map { $0.replacing("`", with: "") }
    }

    /// A file's name without its folders.
    static func name(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
}
