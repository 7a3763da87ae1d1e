import StokerCore
import Testing

@testable import Workshop

/// Which files a dataset has after how many iterations: values alone.
@Suite struct LayoutTests {
    /// Adds rows one by one, as the publisher does.
    struct Sheet {
        var sizes: [String: Int64] = [:]
        var written: Int64 = 0
        let rowSize: Int64

        var layout: DatasetLayout {
            DatasetLayout(paths: sizes.map { ($0.key, $0.value) }, filePrefix: "iteration_")
        }

        mutating func add(_ first: Int, _ last: Int, retention: Int? = nil) {
            let layout = layout
            let new = DatasetPart(first: first, last: last, size: rowSize * Int64(last - first + 1))
            var kept = layout
            for part in layout.expired(retention: retention, newest: last) {
                sizes[part.path] = nil
                kept.parts.removeAll { $0 == part }
            }
            let merged = kept.merging(adding: new)
            for part in merged { sizes[part.path] = nil }
            if let one = merged.first, let other = merged.last {
                let size = merged.reduce(0) { $0 + $1.size }
                sizes[DatasetPart.path(one.first, other.last)] = size
                written += size
            }
            if !merged.contains(new) {
                sizes[new.path] = new.size
                written += new.size
            }
            for number in layout.expiredSingles(adding: first...last) { sizes[layout.single(number)] = nil }
            for number in first...last { sizes[layout.single(number)] = rowSize }
        }
    }

    @Test func manyRowsAreFewFilesAndInOrder() {
        var sheet = Sheet(rowSize: 3_000)
        for number in 1...2_500 {
            sheet.add(number, number)
            guard number % 37 == 0 || number < 60 || number == 2_500 else { continue }
            let layout = sheet.layout
            // Each row once: the parts follow one another.
            var next = 1
            for part in layout.parts {
                #expect(part.first == next && part.count <= 500 && part.size <= 8_000_000)
                next = part.last + 1
            }
            #expect(next == number + 1 && layout.newest == number)
            #expect(layout.parts.count <= 7 + 11 + 40 && layout.singles.count <= 200)
            // The order of names is the order of rows, for `train[-1]`.
            #expect(layout.parts.map(\.path) == layout.parts.map(\.path).sorted())
        }
        #expect(sheet.layout.singles == Array(2_301...2_500))
        // A row is written three times at most.
        #expect(sheet.written <= 3 * 2_500 * 3_000)
    }

    @Test func largeRowsStayBelowTheLimitOfPlainFiles() {
        var sheet = Sheet(rowSize: 300_000)
        for number in 1...400 { sheet.add(number, number) }
        #expect(sheet.layout.parts.allSatisfy { $0.size <= 8_000_000 })
        #expect(sheet.layout.parts.count <= 400 / 20 + 40)
    }

    @Test func whatIsBeyondTheRetentionGoesInWholeParts() {
        var sheet = Sheet(rowSize: 100)
        for number in 1...3_000 { sheet.add(number, number, retention: 1_000) }
        let first = sheet.layout.parts.first?.first ?? 0
        #expect(first > 1_500 - 500 && first <= 2_001)
    }

    @Test func severalRowsInACommitAreOnePart() {
        var sheet = Sheet(rowSize: 100)
        sheet.add(1, 3)
        sheet.add(4, 60)
        #expect(sheet.layout.parts.map(\.path) == ["data/000000001-000000003.jsonl", "data/000000004-000000060.jsonl"])
    }

    @Test(arguments: [
        "data/1-2.jsonl", "data/000000002-000000001.jsonl", "data/00000000x-000000001.jsonl",
        "x/000000001-000000001.jsonl",
    ])
    func otherFilesAreNoParts(_ path: String) { #expect(DatasetPart(path: path, size: 1) == nil) }

    // MARK: When

    private static let now = Instant(seconds: 1_790_000_000)

    @Test func newsGoesAtOnceAndTheRestWaitsForCompany() {
        var record = WorkerRecord()
        record.iteration = 5
        record.published = 4
        record.waitingSince = Self.now - .seconds(60)
        #expect(WorkerDecision.publication(record, hasNews: true, now: Self.now) == .now)
        #expect(WorkerDecision.publication(record, hasNews: false, now: Self.now) == .at(Self.now + .seconds(240)))
        #expect(WorkerDecision.publication(record, hasNews: false, now: Self.now + .seconds(240)) == .now)
        record.sending = .init(first: 5, last: 5)
        #expect(WorkerDecision.publication(record, hasNews: false, now: Self.now) == .now)
        record.published = 5
        #expect(WorkerDecision.publication(record, hasNews: true, now: Self.now) == .nothing)
    }

    @Test func thirtyCommitsAnHourAndNoMore() {
        var record = WorkerRecord()
        record.iteration = 1_000_000
        var commits: [Instant] = []
        for minute in 0..<600 {
            let now = Self.now + .seconds(Int64(minute) * 60)
            if WorkerDecision.publication(record, hasNews: true, now: now) == .now {
                commits.append(now)
                record.commits.append(now)
                record.bound()
            }
        }
        for one in commits { #expect(commits.count { $0 >= one && $0 < one + .seconds(3_600) } <= 30) }
        #expect(commits.count >= 290)
    }

    @Test func perspectivesTakeTurnsAndThenRest() {
        var record = WorkerRecord()
        let all = ["a", "b", "c"]
        var seen: [String] = []
        for _ in 0..<3 {
            guard case .look(let one) = WorkerDecision.next(all, record, head: "h", hasNews: { _ in false }) else {
                break
            }
            seen.append(one)
            record.looked[one] = "h"
            record.last = one
        }
        #expect(seen == all)
        #expect(WorkerDecision.next(all, record, head: "h", hasNews: { _ in false }) == .rest)
        #expect(WorkerDecision.next(all, record, head: "h", hasNews: { $0 == "b" }) == .look("b"))
        #expect(WorkerDecision.next(all, record, head: "i", hasNews: { _ in false }) == .look("a"))
    }
}
