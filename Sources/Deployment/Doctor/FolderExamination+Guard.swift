import Diagnosis
import StokerCore

/// A Dockerfile that brings the program `stoker`: whether its image can run it.
extension FolderExamination {
    /// The newest glibc that a release asks for; `Scripts/release.sh` refuses to build one that asks for more.
    package static let glibc = 36

    mutating func guardedImage(_ last: Dockerfile.Stage, _ docker: Dockerfile, _ file: FolderFacts.File) {
        let steps = docker.lineage(of: last)
        guard let step = steps.first(where: Self.bringsStoker) else { return }
        let base = docker.base(of: last)
        guard let trouble = Self.library(of: base) else { return }
        add(
            "DF07", .error, file.path, step.line, to: step.end, at: ["stoker"],
            "The program stoker needs glibc 2.\(Self.glibc) or newer, and \(base) has \(trouble): it would not start.",
            "Run in an image of Debian 12 or newer, or Ubuntu 24.04 or newer, such as debian:12-slim or python:3.13-slim."
        )
    }

    private static func bringsStoker(_ step: Dockerfile.Instruction) -> Bool {
        let words = step.words
        func isProgram(_ word: String) -> Bool { word.split(separator: "/").last == "stoker" }
        switch step.name {
        case "COPY", "ADD": return words.count > 1 && words.contains(where: isProgram)
        case "CMD", "ENTRYPOINT": return words.first.map(isProgram) ?? false
        default: return false
        }
    }

    /// What an image has in place of a glibc that is new enough; nil where it has one, or nothing is known of it.
    /// Sources: the releases of the distributions; Docker's own images name theirs in the tag.
    static func library(of image: String) -> String? {
        let (name, tag) = (repository(image), tag(image))
        let words = [name] + tag.split(separator: "-").map(String.init)
        if words.contains(where: { $0.hasPrefix("alpine") }) { return "musl, another C library" }
        if image == "scratch" || image.contains("distroless/static") { return "no C library" }
        var version: Int?
        let codes = [
            "jessie": 19, "stretch": 24, "buster": 28, "bullseye": 31, "xenial": 23, "bionic": 27, "focal": 31,
            "jammy": 35,
        ]
        for word in words { version = version ?? codes[word] }
        if name.hasSuffix("debian10") { version = 28 }
        if name.hasSuffix("debian11") { version = 31 }
        let number = tag.prefix { $0.isNumber || $0 == "." }
        let major = Int(number.split(separator: ".").first ?? "")
        switch name {
        case "debian": if let major, major < 12 { version = [8: 19, 9: 24, 10: 28, 11: 31][major] ?? 19 }
        case "ubuntu": if let major, major < 24 { version = [16: 23, 18: 27, 20: 31, 22: 35][major] ?? 35 }
        case "centos", "rockylinux", "almalinux", "ubi8", "ubi9", "ubi", "ubi-minimal", "oraclelinux":
            let release = name == "ubi8" ? 8 : name == "ubi9" ? 9 : major
            if let release, release < 10 { version = [7: 17, 8: 28, 9: 34][release] ?? 17 }
        case "amazonlinux": version = major == 2 ? 26 : major == 2_023 ? 34 : nil
        default: break
        }
        return version.flatMap { $0 < glibc ? "2.\($0)" : nil }
    }
}
