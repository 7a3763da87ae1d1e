package import Runtime

/// One thing of a file tree, as capture hands it to the store and as a restore makes it again.
///
/// A capture gives its entries in tree order (``TreePath``): a folder before what is in it, names of one folder by their bytes.
package struct CapturedEntry: Sendable {
    /// Relative, parts joined by `/`, in the bytes the file system uses: names need not be UTF-8. Never empty, no `.` or `..` parts.
    package var path: [UInt8]
    package var kind: Kind
    package var facts: FileFacts
    /// The file changed while it was read, three times over: what is stored may be of several moments.
    package var isTorn: Bool
    /// Why what is here is no fresh copy: "locked by the app, copied 12 min ago". Told with the snapshot.
    package var note: String?

    package enum Kind: Sendable {
        case folder
        /// Target in bytes.
        case link([UInt8])
        /// Another name of a file that came before, by that one's path.
        case hardLink([UInt8])
        case file(any ContentSource)
        /// A copy of an SQLite database, stored by pages.
        case database(any ContentSource, pageSize: Int)
    }

    package init(path: [UInt8], kind: Kind, facts: FileFacts, isTorn: Bool = false, note: String? = nil) {
        self.path = path
        self.kind = kind
        self.facts = facts
        self.isTorn = isTorn
        self.note = note
    }
}

/// What the file system knows of an entry.
package struct FileFacts: Sendable, Equatable {
    /// Permission bits, `07777`.
    package var mode: UInt32
    /// Nanoseconds since 1970.
    package var modified: Int64
    package var uid: UInt32
    package var gid: UInt32
    /// User attributes (`user.*`), by name in order.
    package var attributes: [Attribute]
    /// When contents or facts changed last, nanoseconds since 1970, and the inode: with size and `modified` they tell that a file needs not be read.
    /// 0 when it must be read in any case (changed less than 2 s ago, or a database).
    package var changed: Int64
    package var inode: UInt64

    package struct Attribute: Sendable, Equatable {
        package var name: [UInt8]
        package var value: [UInt8]
        package init(name: [UInt8], value: [UInt8]) {
            self.name = name
            self.value = value
        }
    }

    package init(
        mode: UInt32, modified: Int64, uid: UInt32 = 0, gid: UInt32 = 0, attributes: [Attribute] = [],
        changed: Int64 = 0, inode: UInt64 = 0
    ) {
        self.mode = mode
        self.modified = modified
        self.uid = uid
        self.gid = gid
        self.attributes = attributes
        self.changed = changed
        self.inode = inode
    }
}

/// Where the bytes of a captured file are read from. The store asks only when it needs them.
package protocol ContentSource: Sendable {
    /// Bytes, holes counted.
    var size: Int64 { get }
    /// Opens it. May block; called on a thread that may.
    func open() throws -> any ContentReader
    /// It could not be read: its entry is left out, and the source may tell why.
    func failed(_ error: SystemError)
}

extension ContentSource {
    package func failed(_ error: SystemError) {}
}

/// Reads a file from its beginning to its end. Used by one thread at a time; its calls may block.
package protocol ContentReader: AnyObject {
    /// What comes next: bytes are put into `buffer`; a hole is told by its length and nothing is put. Never more than `buffer` takes.
    func next(into buffer: UnsafeMutableRawBufferPointer) throws -> ContentPiece
    /// After the last piece: whether the file stayed as it was meanwhile. The store asks once, and reads again when told so.
    func end() throws -> ContentEnd
}

package enum ContentPiece: Sendable, Equatable {
    case bytes(Int)
    case hole(Int64)
    case end
}

package enum ContentEnd: Sendable, Equatable {
    case whole
    /// It changed while it was read; another reader from `open()` may have more luck.
    case readAgain
    /// It changed again and again; store it with the mark.
    case torn
}

/// The order of a tree's entries: a folder comes before what is in it, and what is in it before its next sibling.
package enum TreePath {
    package static func isBefore(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        for (x, y) in zip(a, b) where x != y {
            // `/` ends a name, so it sorts before every byte of a longer one.
            if x == slash { return true }
            if y == slash { return false }
            return x < y
        }
        return a.count < b.count
    }
    package static let slash = UInt8(ascii: "/")

    /// Readable form for messages: bytes that are no UTF-8 and control characters as `\xff`.
    package static func text(_ path: [UInt8]) -> String {
        if let text = String(validating: path, as: UTF8.self),
            !text.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 || $0.value == 92 })
        {
            return text
        }
        return path.map { byte in
            byte >= 32 && byte < 127 && byte != 92
                ? String(UnicodeScalar(byte)) : "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }
}
