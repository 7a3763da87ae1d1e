/// Names that no file or folder of a repository may have, whichever way they come: by the API, by a push, in a bucket.
///
/// Source: git `fsck.c` (hasDot, hasDotdot, hasDotgit, emptyName, fullPathname), `path.c` `is_ntfs_dotgit`, `utf8.c` `is_hfs_dotgit`;
/// huggingface_hub `_validate_path_in_repo`. The Hub refuses `..\x` and takes `a/..\x`: its `test_create_file_with_relative_path` and
/// `TestHfHubDownloadRelativePaths`. Control characters: ours, as no terminal and no header can show them.
enum PathRules {
    /// Bytes of the longest path.
    static let longest = 1_000

    /// Why a path must not be; nil when it may.
    static func problem(_ path: String) -> String? {
        if path.isEmpty { return "it is empty" }
        if path.utf8.count > longest { return "it is longer than \(longest) bytes" }
        if path.utf8.starts(with: "..\\".utf8) { return "it leads out of the folder on Windows" }
        // By bytes: a slash before a combining mark is no character of its own.
        for part in path.utf8.split(separator: 47, omittingEmptySubsequences: false) {
            if let problem = problem(component: Array(part)) { return problem }
        }
        return nil
    }

    /// The same of one name between slashes.
    static func problem(component name: [UInt8]) -> String? {
        if name.isEmpty { return "a part of it is empty" }
        if name.contains(47) { return "a part of it has a slash" }
        if name.contains(where: { $0 < 32 || $0 == 127 }) { return "it has a control character" }
        if name.elementsEqual(".".utf8) || name.elementsEqual("..".utf8) { return "a part of it is . or .." }
        return isGitFolder(name[...]) ? "a part of it is .git, or what a file system takes for it" : nil
    }

    private static func isGitFolder(_ name: ArraySlice<UInt8>) -> Bool {
        // Names end at a colon or backslash on NTFS; dots and spaces at the end do not count there.
        var ntfs = name.prefix { $0 != 58 && $0 != 92 }
        while ntfs.last == 32 || ntfs.last == 46 { ntfs.removeLast() }
        let lower = String(decoding: ntfs, as: UTF8.self).lowercased()
        if lower == ".git" || lower == "git~1" { return true }
        // HFS+ ignores these characters.
        let visible = String(decoding: name, as: UTF8.self).unicodeScalars.filter { scalar in
            switch scalar.value {
            case 0x200c...0x200f, 0x202a...0x202e, 0x206a...0x206f, 0xfeff: false
            default: true
            }
        }
        return String(String.UnicodeScalarView(visible)).lowercased() == ".git"
    }
}
