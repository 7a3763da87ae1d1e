package import StokerCore

extension VaultAddress {
    /// The vault of one state at this address: each state has a place of its own there.
    /// - Parameters:
    ///   - state: a plain name.
    ///   - folder: what a relative folder is seen from.
    package func open(state: String, in folder: String) throws(Failure) -> any Vault {
        switch kind {
        case .folder:
            let root = place.hasPrefix("/") ? place : folder + "/" + place
            return FolderVault(path: root + "/" + state)
        case .bucket, .s3, .dataset, .postgres, .git:
            throw Failure(
                .usage, doing: "open the vault \(shown)", because: "this kind of vault is not built yet",
                hint: "folder:PATH is")
        }
    }
}

/// What a state may be called: it becomes a part of addresses and paths.
package enum StateName {
    package static func check(_ text: String) throws(Failure) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || "._-".utf8.contains(byte)
        }
        guard isPlain, (1...96).contains(text.utf8.count), !text.hasPrefix(".") else {
            throw Failure(
                .usage, doing: "name the state \"\(text.prefix(100))\"", because: "that is no plain name",
                hint: "use 1 to 96 letters, digits, '.', '_' and '-', such as the Space's name")
        }
        return text
    }
}
