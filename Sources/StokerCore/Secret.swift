/// A value that must not be seen: printing, logging, interpolating or encoding it gives `***`.
/// Read ``reveal()`` only where the bytes leave for the wire.
package struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let value: String
    package init(_ value: String) { self.value = value }
    package func reveal() -> String { value }
    package var isEmpty: Bool { value.isEmpty }
    package var description: String { "***" }
    package var debugDescription: String { "***" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
