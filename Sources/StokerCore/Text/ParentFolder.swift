extension String {
    /// The folder of a path: "" for a bare name, "/" for what lies in the root. Slashes at the end do not count.
    ///
    /// Foundation's `NSString.deletingLastPathComponent` ends the process on a name of one letter (Swift 6.3.1, Linux).
    package var parentFolder: String {
        var path = self[...]
        while path.count > 1, path.last == "/" { path.removeLast() }
        guard let slash = path.lastIndex(of: "/") else { return "" }
        var folder = path[..<slash]
        while folder.last == "/" { folder.removeLast() }
        return folder.isEmpty ? "/" : String(folder)
    }
}
