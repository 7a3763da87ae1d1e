import Foundation
import StokerCore
import Testing

@Suite struct CronScheduleTests {
    static func instant(_ text: String) throws -> Instant { try HoursWindowTests.instant(text) }

    @Test(arguments: [
        // 2026-11-20 is a Friday.
        ("0 3 * * Mon-Fri Europe/Berlin", "2026-11-20T02:00:00Z", "2026-11-23T02:00:00Z"),
        ("*/20 * * * *", "2026-11-20T02:20:00Z", "2026-11-20T02:40:00Z"),
        ("@daily America/New_York", "2026-11-20T12:00:00Z", "2026-11-21T05:00:00Z"),
        ("@weekly", "2026-11-20T12:00:00Z", "2026-11-22T00:00:00Z"),
        ("0 0 29 2 *", "2026-11-20T12:00:00Z", "2028-02-29T00:00:00Z"),
        // Either day field is enough, but for one that begins with a star.
        ("0 0 1 * Sat", "2026-11-20T12:00:00Z", "2026-11-21T00:00:00Z"),
        ("0 0 */2 * Sat", "2026-11-20T12:00:00Z", "2026-11-21T00:00:00Z"),
        ("0 0 */2 * Sun", "2026-11-20T12:00:00Z", "2026-11-29T00:00:00Z"),
        ("0 0 * * Sat-Sun", "2026-11-22T12:00:00Z", "2026-11-28T00:00:00Z"),
        ("0 0 * * 7", "2026-11-20T12:00:00Z", "2026-11-22T00:00:00Z"),
        ("5-10/5,30 1,2 * jan *", "2026-01-01T01:05:00Z", "2026-01-01T01:10:00Z"),
        // Left out in Berlin on 29 March 2026: 02:00 to 03:00. Runs at the leap, once.
        ("30 2 * * * Europe/Berlin", "2026-03-28T02:00:00Z", "2026-03-29T01:00:00Z"),
        ("*/10 2 * * * Europe/Berlin", "2026-03-29T00:59:00Z", "2026-03-29T01:00:00Z"),
        ("*/10 2 * * * Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"),
        // Comes twice there on 25 October: the first counts.
        ("30 2 * * * Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
        ("30 2 * * * Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
        // Every hour: as real time passes.
        ("30 * * * * Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
        ("30 * * * * Europe/Berlin", "2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"),
        // Half an hour.
        ("15 2 * * * Australia/Lord_Howe", "2026-10-03T00:00:00Z", "2026-10-03T15:30:00Z"),
        // A day that Samoa left out.
        ("0 12 30 12 * Pacific/Apia", "2011-12-29T00:00:00Z", "2011-12-30T10:00:00Z"),
    ])
    func next(text: String, after: String, expected: String) throws {
        let schedule = try CronSchedule(text: text)
        let found = try #require(schedule.next(after: Self.instant(after)))
        #expect(found == (try Self.instant(expected)))
        #expect(schedule.last(atOrBefore: found) == found)
        #expect(schedule.last(atOrBefore: found - .milliseconds(1))! < found)
    }

    @Test(arguments: [
        ("0 3 * *", "has 4 fields"), ("0 0 30 2 *", "never comes"), ("0 0 31 4,6,9,11 *", "never comes"),
        ("60 * * * *", "has 60 in the minute"), ("0 0 * * Mno", "did you mean Mon?"), ("0 0 L * *", "not known here"),
        ("0 0 * * Fri#2", "not known here"), ("0 0 ? * Mon", "not known here"), ("5/10 * * * *", "write 5-59/10"),
        ("10-5 * * * *", "ends before it begins"), ("0 0 * * 1 CET", "not a time zone"),
        ("0 0 * * 1 Europe/Berln", "did you mean Europe/Berlin?"), ("@reboot", "no time"), ("@often", "none of"),
        ("0 0 0 * * *", "seconds"), ("1,,2 * * * *", "gap"), ("*/0 * * * *", "step"), ("", "has 0 fields"),
    ])
    func refused(text: String, why: String) {
        do throws(CronSchedule.Fault) {
            _ = try CronSchedule(text: text)
            Issue.record("\(text) was taken")
        } catch {
            #expect(error.because.contains(why), "\(error.because)")
        }
    }

    /// Cases that Scripts/cron-cases.py made by brute force over Python's zoneinfo: expression, zone, moment, next, last; tab-separated,
    /// in seconds. STOKER_CRON_CASES names a file with more of them.
    @Test func equalsBruteForce() throws {
        let path = ProcessInfo.processInfo.environment["STOKER_CRON_CASES"]
        let file = path.map { URL(filePath: $0) } ?? Files.root.appending(path: "Tests/Fixtures/cron-cases.tsv")
        var known: (text: String, schedule: CronSchedule)?
        var count = 0
        var wrong = 0
        for line in try Files.text(file).split(separator: "\n") {
            let parts = line.split(separator: "\t")
            let numbers = parts.dropFirst().compactMap { Int64($0) }
            guard numbers.count == 3 else { throw CocoaError(.fileReadCorruptFile) }
            let text = String(parts[0])
            if known?.text != text { known = (text, try CronSchedule(text: text)) }
            let at = Instant(milliseconds: numbers[0] * 1_000)
            let next = known?.schedule.next(after: at)?.milliseconds
            let last = known?.schedule.last(atOrBefore: at)?.milliseconds
            count += 1
            if next != numbers[1] * 1_000 || last != numbers[2] * 1_000 {
                wrong += 1
                if wrong <= 10 { Issue.record("\(line): \(next ?? 0) \(last ?? 0)") }
            }
        }
        #expect(wrong == 0 && count >= (path == nil ? 1_000 : 1), "\(wrong) of \(count)")
    }

    @Test func onceInAZone() throws {
        #expect(
            CronSchedule.moment(of: "2026-12-01 05:30", zone: "Europe/Berlin")
                == (try Self.instant("2026-12-01T04:30:00Z")))
        #expect(
            CronSchedule.moment(of: "2026-03-29T02:30:00", zone: "Europe/Berlin")
                == (try Self.instant("2026-03-29T01:00:00Z")))
        #expect(
            CronSchedule.moment(of: "2026-10-25 02:30", zone: "Europe/Berlin")
                == (try Self.instant("2026-10-25T00:30:00Z")))
        for text in ["2026-02-29 00:00", "tomorrow", "2026-1-1 00:00", "2026-01-01", "2026-01-01 24:00"] {
            #expect(CronSchedule.moment(of: text, zone: "UTC") == nil, "\(text)")
        }
    }
}
