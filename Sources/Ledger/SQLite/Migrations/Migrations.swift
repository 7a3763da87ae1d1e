import GRDB

/// One step of the schema. Its name is stored in the file: never rename, reorder or change one that was released.
struct Migration: Sendable {
    var name: String
    var run: @Sendable (Database) throws -> Void
}

/// Every step, oldest first. A new one is a new file here and a line below.
enum Migrations {
    static let all: [Migration] = [.foundations, .timeline, .stores, .records]

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        for step in all { migrator.registerMigration(step.name, migrate: step.run) }
        return migrator
    }
}
