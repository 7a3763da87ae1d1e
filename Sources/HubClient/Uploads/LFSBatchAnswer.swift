import NIOHTTP1

/// What the Hub wants done with one object.
enum LFSWork: Sendable, Equatable {
    /// It is there already.
    case present
    case basic(upload: String, verify: String?)
    case multipart(LFSParts, verify: String?)
    /// Refused, in the Hub's words.
    case refused(String)
}

/// An object that is sent in parts.
struct LFSParts: Sendable, Equatable, Codable {
    /// Bytes of each part but the last.
    var chunk: Int64
    /// Where each part goes, in order.
    var urls: [String]
    /// Where the list of parts goes.
    var completion: String

    /// Offset and length of a part of an object of `size` bytes.
    func range(of part: Int, size: Int64) -> (offset: Int64, length: Int64) {
        let offset = chunk * Int64(part)
        return (offset, min(chunk, size - offset))
    }
}

/// The answer of the LFS batch route. Source: git-lfs docs/api/batch.md, huggingface_hub lfs.py.
struct LFSBatchAnswer: Decodable, Sendable {
    /// A header's value; the Hub writes text, others write numbers.
    struct Scalar: Decodable, Sendable {
        var text: String
        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if let number = try? value.decode(Int64.self) {
                text = "\(number)"
            } else {
                text = try value.decode(String.self)
            }
        }
    }
    struct Action: Decodable, Sendable {
        var href: String
        var header: [String: Scalar]?
    }
    struct Actions: Decodable, Sendable {
        var upload: Action?
        var verify: Action?
    }
    struct Trouble: Decodable, Sendable {
        var code: Int?
        var message: String?
    }
    struct Object: Decodable, Sendable {
        var oid: String
        var actions: Actions?
        var error: Trouble?

        /// - Throws: when the parts do not make up the object.
        func work(size: Int64, doing: String) throws(HubFailure) -> LFSWork {
            if let error {
                return .refused(error.message ?? "error \(error.code ?? 0)")
            }
            guard let upload = actions?.upload else { return .present }
            let verify = actions?.verify?.href
            guard let chunk = upload.header?["chunk_size"]?.text else {
                return .basic(upload: upload.href, verify: verify)
            }
            guard let chunk = Int64(chunk), chunk > 0 else {
                throw HubFailure(.unreadable, doing: doing, said: "the Hub named a part size that is none: \(chunk)")
            }
            // Part numbers are the keys that are all digits, zero-padded or not.
            let numbered = (upload.header ?? [:]).compactMap { key, value -> (Int, String)? in
                key.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(key).map { ($0, value.text) } : nil
            }
            let urls = numbered.sorted { $0.0 < $1.0 }.map(\.1)
            let wanted = size / chunk + (size % chunk == 0 ? 0 : 1)
            guard Int64(urls.count) == wanted, Set(numbered.map(\.0)).count == urls.count else {
                throw HubFailure(
                    .unreadable, doing: doing,
                    said: "the Hub gave \(urls.count) addresses for \(wanted) parts of \(oid)")
            }
            return .multipart(LFSParts(chunk: chunk, urls: urls, completion: upload.href), verify: verify)
        }
    }
    var objects: [Object]
}

extension Hub {
    struct LFSObject: Encodable, Sendable, Hashable {
        var oid: String
        var size: Int64
    }

    /// Asks what has to be sent of these objects, at most 256.
    func lfsBatch(_ objects: [LFSObject], to repo: RepoID, revision: String, doing: String) async throws(HubFailure)
        -> [String: LFSWork]
    {
        struct Question: Encodable {
            struct Ref: Encodable { var name: String }
            var operation = "upload"
            var transfers = ["basic", "multipart"]
            var hash_algo = "sha256"
            var ref: Ref?
            var objects: [LFSObject]
        }
        let question = Question(
            ref: revision.hasPrefix("refs/") ? nil : Question.Ref(name: revision), objects: objects)
        guard case .json(let body) = HubRequest.Body.json(encoding: question) else { return [:] }
        let answer = try await value(
            HubRequest(
                .POST, "/\(repo.kind.prefix)\(repo).git/info/lfs/objects/batch", doing: doing,
                headers: ["Accept": Self.lfsType], body: .bytes(body, type: Self.lfsType),
                right: "write access to \(repo)", repeats: .freely),
            as: LFSBatchAnswer.self)
        let sizes = Dictionary(objects.map { ($0.oid, $0.size) }) { first, _ in first }
        var works: [String: LFSWork] = [:]
        for object in answer.objects {
            guard let size = sizes[object.oid] else { continue }
            works[object.oid] = try object.work(size: size, doing: doing)
        }
        return works
    }

    static let lfsType = "application/vnd.git-lfs+json"

    /// Hrefs name the public Hub even when it is reached by another address. Source: huggingface_hub `fix_hf_endpoint_in_url`.
    func atEndpoint(_ href: String) -> String {
        for known in [HubEndpoint.official, "https://hub-ci.huggingface.co"]
        where settings.endpoint != known && (href == known || href.hasPrefix(known + "/")) {
            return settings.endpoint + href.dropFirst(known.count)
        }
        return href
    }
}
