package import NIOCore

/// One server-sent event.
package struct SSEEvent: Sendable, Equatable {
    /// `message` unless the sender named another.
    package var name: String
    /// Lines of `data`, joined by line feeds; empty for a keep-alive.
    package var data: String
    package var id: String?

    package init(name: String = "message", data: String, id: String? = nil) {
        self.name = name
        self.data = data
        self.id = id
    }
}

/// Reads a `text/event-stream` from pieces that may be cut anywhere, inside of a character or between CR and LF too.
///
/// Source: HTML standard, 9.2.6 "Interpreting an event stream". Unlike there, an event with `data` that is empty is handed out: the Hub keeps
/// its streams alive with those. A stream that ends within an event loses it, as the standard wants.
package struct SSEDecoder: Sendable {
    /// Longest line and longest event, bytes. What is longer is dropped and counted, so that a stream cannot fill the memory.
    package let limit: Int
    /// Events that were dropped because they were too long.
    package private(set) var dropped = 0
    /// Whether something came that no event stream has: a page, a JSON document.
    package var isNoStream: Bool {
        strays > 0 || line.first == UInt8(ascii: "<") || line.first == UInt8(ascii: "{")
            || line.first == UInt8(ascii: "[")
    }
    private var strays = 0
    /// What the sender wants us to wait before connecting again, milliseconds.
    package private(set) var retryMilliseconds: Int?

    private var line: [UInt8] = []
    private var lineIsTooLong = false
    private var lastWasCR = false
    private var atStart = true
    private var name = ""
    private var data: [UInt8] = []
    private var hasData = false
    private var eventIsTooLong = false
    private var id: String?

    package init(limit: Int = 1 << 20) { self.limit = limit }

    /// Takes the next piece; calls `each` for every event that is complete with it.
    package mutating func feed(_ piece: ByteBuffer, each: (SSEEvent) -> Void) {
        piece.withUnsafeReadableBytes { bytes in
            var start = 0
            var index = 0
            while index < bytes.count {
                let byte = bytes[index]
                if byte == 0x0A, lastWasCR, index == start {
                    lastWasCR = false
                    start = index + 1
                } else if byte == 0x0A || byte == 0x0D {
                    append(bytes[start..<index])
                    lastWasCR = byte == 0x0D
                    start = index + 1
                    endLine(each)
                } else {
                    lastWasCR = false
                }
                index += 1
            }
            append(bytes[start...])
        }
    }

    private mutating func append(_ bytes: Slice<UnsafeRawBufferPointer>) {
        guard !lineIsTooLong, !bytes.isEmpty else { return }
        if line.count + bytes.count > limit {
            lineIsTooLong = true
            line = []
        } else {
            line.append(contentsOf: bytes)
        }
    }

    private mutating func endLine(_ each: (SSEEvent) -> Void) {
        if atStart {
            atStart = false
            if line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        }
        defer {
            line.removeAll(keepingCapacity: line.capacity <= 16_384)
            lineIsTooLong = false
        }
        if lineIsTooLong {
            eventIsTooLong = true
            return
        }
        guard !line.isEmpty else { return endEvent(each) }
        let colon = line.firstIndex(of: 0x3A)
        // A line that begins with a colon is a comment.
        if colon == 0 { return }
        let field = line[..<(colon ?? line.count)]
        var value = colon.map { line[($0 + 1)...] } ?? []
        if value.first == 0x20 { value = value.dropFirst() }
        if field.elementsEqual("data".utf8) {
            if data.count + value.count + 1 > limit {
                eventIsTooLong = true
                data = []
            } else if !eventIsTooLong {
                if hasData { data.append(0x0A) }
                data.append(contentsOf: value)
            }
            hasData = true
        } else if field.elementsEqual("event".utf8) {
            name = String(decoding: value, as: UTF8.self)
        } else if field.elementsEqual("id".utf8) {
            if !value.contains(0) { id = String(decoding: value, as: UTF8.self) }
        } else if field.elementsEqual("retry".utf8) {
            if !value.isEmpty, value.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = Int(String(decoding: value, as: UTF8.self))
            {
                retryMilliseconds = number
            }
        } else {
            strays += 1
        }
    }

    private mutating func endEvent(_ each: (SSEEvent) -> Void) {
        defer {
            name = ""
            data.removeAll(keepingCapacity: data.capacity <= 16_384)
            hasData = false
            eventIsTooLong = false
        }
        if eventIsTooLong {
            dropped += 1
        } else if hasData {
            each(
                SSEEvent(name: name.isEmpty ? "message" : name, data: String(decoding: data, as: UTF8.self), id: id))
        }
    }
}
