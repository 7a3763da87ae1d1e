/// A value that must not be seen: printing, logging, interpolating or encoding it gives `***`.
/// Read ``reveal()`` only where the bytes leave for the wire.
package struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let value: String
    package init(_ value: String) { self.value = value }
    /// The value. Callers hand it to whom it is for and nowhere else.
    package func reveal() -> String { value }
    package var isEmpty: Bool { value.isEmpty }
    /// Never the value, so that no log or message shows it.
    package var description: String { "***" }
    package var debugDescription: String { "***" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
