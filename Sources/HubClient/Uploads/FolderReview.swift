package import StokerCore

/// What an upload of a folder would take along, and what in it looks like a secret: the scan of ``Hub/upload(folder:to:revision:options:progress:)``
/// for who only wants to know.
package struct FolderReview: Sendable {
    /// A file that would go along.
    package struct File: Sendable {
        /// Relative, with slashes.
        package var path: String
        /// Where it is read.
        package var local: String
        /// Bytes.
        package var size: Int64
        package var isExecutable: Bool
        /// Stands for a file of LFS that is not here.
        package var isPointer: Bool
    }

    package var files: [File] = []
    /// Files that stay behind, each with the rule that says so.
    package var skipped: [SkippedFile] = []

    /// Walks the folder. Blocks.
    /// - Throws: `hub.local` when it cannot be read, or a name in it cannot be one of a repository.
    package init(_ folder: String) throws(Failure) {
        do {
            let scan = try FolderScan(folder, options: UploadOptions())
            skipped = scan.skipped
            for item in scan.items {
                guard case .file(let local) = item.source else { continue }
                files.append(
                    File(
                        path: "\(item.path)", local: local, size: item.size, isExecutable: item.isExecutable,
                        isPointer: item.head.pointer != nil))
            }
        } catch {
            throw Failure(
                .hubLocal, doing: "look at \(folder)", because: (error as? LocalFile.Trouble)?.reason ?? "\(error)",
                hint: "name the folder that holds the app")
        }
    }
}

extension SecretHeuristic {
    /// Tokens that stand in the text of a program, each with its place (from 1; columns in Unicode scalars) and without its value. Words that only stand for a token, such as
    /// `hf_xxxx`, are none.
    package static func tokens(in text: String) -> [(line: Int, column: Int, reason: String)] {
        var found: [(line: Int, column: Int, reason: String)] = []
        let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        for (number, line) in lines.enumerated() {
            guard line.utf8.count <= 20_000 else { continue }
            for word in line.split(whereSeparator: { !isOfToken($0) }) where word.utf8.count >= 20 {
                guard let reason = token(String(word)) else { continue }
                found.append((number + 1, line[..<word.startIndex].unicodeScalars.count + 1, reason))
                break
            }
        }
        return found
    }

    private static func isOfToken(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || character == "_" || character == "-")
    }
}
