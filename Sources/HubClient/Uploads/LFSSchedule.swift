/// In which order large files are hashed, asked about, sent and finished: decides, does nothing itself.
///
/// Hashing runs ahead of sending on two threads, so that the line is never idle while there is something to read. The biggest files go first: at the
/// end, small ones fill the gaps. Files with the same content are sent once.
struct LFSSchedule: Sendable {
    struct File: Sendable {
        var size: Int64
        /// SHA-256 that is known from an earlier plan.
        var oid: String?
        /// What the repository has under this name.
        var stored: String?
    }
    enum Job: Sendable, Equatable {
        case hash(file: Int)
        case ask(files: [Int])
        /// The whole of an object, or one part.
        case put(file: Int, part: Int?)
        /// The list of parts, and the check that the Hub has it all.
        case finish(file: Int)
    }
    enum State: Sendable, Equatable {
        case waiting, hashing, hashed, asking, sending, finishing
        /// Its addresses are no longer good; what is on its way with them ends first.
        case expiring
        /// Its content is sent under another name of this upload.
        case twin(of: Int)
        case unchanged, present, sent
        case refused(String)

        var isDone: Bool {
            switch self {
            case .unchanged, .present, .sent, .twin, .refused: true
            default: false
            }
        }
    }

    private(set) var files: [File]
    private(set) var states: [State]
    private(set) var works: [Int: LFSWork] = [:]
    private let order: [Int]
    private let lanes: Int
    private let hashLanes: Int
    private var nextHash = 0
    private var hashed: [Int] = []
    private var puts: [(file: Int, part: Int?)] = []
    /// Bytes of ``puts``.
    private var waiting: Int64 = 0
    private var finishes: [Int] = []
    private var missing: [Int: Int] = [:]
    private var underWay: [Int: Int] = [:]
    private var byOID: [String: Int] = [:]
    private var running: (hash: Int, ask: Int, put: Int, finish: Int) = (0, 0, 0, 0)

    /// - Parameters:
    ///   - lanes: puts at once.
    ///   - hashLanes: files hashed at once.
    init(_ files: [File], lanes: Int, hashLanes: Int = 2) {
        self.files = files
        self.lanes = max(1, lanes)
        self.hashLanes = max(1, hashLanes)
        states = Array(repeating: .waiting, count: files.count)
        order = files.indices.sorted { files[$0].size > files[$1].size }
    }

    /// The next thing to begin; nil when something that runs must end first, or all is done.
    mutating func next() -> Job? {
        if let file = finishes.popLast() {
            running.finish += 1
            underWay[file, default: 0] += 1
            return .finish(file: file)
        }
        if running.put < lanes, !puts.isEmpty {
            running.put += 1
            let put = puts.removeFirst()
            waiting -= length(of: put.file, part: put.part)
            underWay[put.file, default: 0] += 1
            return .put(file: put.file, part: put.part)
        }
        // A full question, or all there is while the line has nothing to do. Its addresses run out, so what has one is sent first.
        if !hashed.isEmpty, running.ask == 0, waiting < Self.question,
            hashed.count >= 256 || nextHash == order.count && running.hash == 0 || (puts.isEmpty && running.put < lanes)
        {
            var bytes: Int64 = 0
            var batch: [Int] = []
            for file in hashed.prefix(256) {
                bytes += files[file].size
                if !batch.isEmpty, bytes > Self.question { break }
                batch.append(file)
            }
            hashed.removeFirst(batch.count)
            for file in batch { states[file] = .asking }
            running.ask += 1
            return .ask(files: batch)
        }
        // Addresses for sending run out, so no more is prepared than is sent soon.
        while running.hash < hashLanes, puts.count < 512, hashed.count < 512, nextHash < order.count {
            let file = order[nextHash]
            nextHash += 1
            if let oid = files[file].oid {
                take(oid, of: file)
                continue
            }
            states[file] = .hashing
            running.hash += 1
            return .hash(file: file)
        }
        if running == (0, 0, 0, 0), !hashed.isEmpty { return next() }
        return nil
    }

    /// Bytes that are asked about at once, and that may wait with an address: an address for a whole object is good for 15 minutes.
    static let question: Int64 = 1 << 30

    private func length(of file: Int, part: Int?) -> Int64 {
        guard let part, case .multipart(let parts, _) = works[file] else { return files[file].size }
        return parts.range(of: part, size: files[file].size).length
    }

    private mutating func append(_ file: Int, part: Int?) {
        puts.append((file, part))
        waiting += length(of: file, part: part)
    }

    private mutating func take(_ oid: String, of file: Int) {
        files[file].oid = oid
        if files[file].stored == oid {
            states[file] = .unchanged
        } else if let twin = byOID[oid] {
            states[file] = .twin(of: twin)
        } else {
            byOID[oid] = file
            states[file] = .hashed
            hashed.append(file)
        }
    }

    mutating func didHash(_ file: Int, oid: String) {
        running.hash -= 1
        take(oid, of: file)
    }

    /// - Parameter sent: parts that went in an earlier run, by file.
    mutating func didAsk(_ asked: [Int], works found: [Int: LFSWork], sent: [Int: Set<Int>] = [:]) {
        running.ask -= 1
        for file in asked {
            switch found[file] ?? .refused("the Hub did not mention it") {
            case .present: states[file] = .present
            case .refused(let why): states[file] = .refused(why)
            case .basic(let upload, let verify):
                works[file] = .basic(upload: upload, verify: verify)
                states[file] = .sending
                missing[file] = 1
                append(file, part: nil)
            case .multipart(let parts, let verify):
                works[file] = .multipart(parts, verify: verify)
                states[file] = .sending
                let rest = parts.urls.indices.filter { !(sent[file]?.contains($0) ?? false) }
                missing[file] = rest.count
                if rest.isEmpty {
                    states[file] = .finishing
                    finishes.append(file)
                }
                for part in rest { append(file, part: part) }
            }
        }
    }

    mutating func didPut(_ file: Int) {
        running.put -= 1
        underWay[file, default: 1] -= 1
        if states[file] == .expiring { return beginAnew(file) }
        guard let left = missing[file] else { return }
        missing[file] = left - 1
        if left == 1 {
            states[file] = .finishing
            finishes.append(file)
        }
    }

    mutating func didFinish(_ file: Int) {
        running.finish -= 1
        underWay[file, default: 1] -= 1
        states[file] = .sent
    }

    /// Its addresses are no longer good: the object begins anew.
    mutating func expired(_ file: Int, during job: Job) {
        if case .finish = job { running.finish -= 1 } else { running.put -= 1 }
        underWay[file, default: 1] -= 1
        for put in puts where put.file == file { waiting -= length(of: file, part: put.part) }
        puts.removeAll { $0.file == file }
        works[file] = nil
        missing[file] = nil
        states[file] = .expiring
        beginAnew(file)
    }

    private mutating func beginAnew(_ file: Int) {
        guard underWay[file, default: 0] == 0 else { return }
        states[file] = .hashed
        hashed.append(file)
    }

    var isDone: Bool { states.allSatisfy(\.isDone) }
}
