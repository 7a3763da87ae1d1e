package import FoundationEssentials

extension JSONEncoder {
    /// The same bytes for the same values: for what is stored, sent or compared.
    package static var stable: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }
}
