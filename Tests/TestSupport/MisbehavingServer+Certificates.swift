import Foundation
package import NIOSSL

/// Certificates made with the `openssl` command when a test needs them, so that none ever expires in the repository.
package struct TestCertificate {
    package var certificate: NIOSSLCertificate
    package var key: NIOSSLPrivateKey

    /// Self-signed, P-256. To be trusted it is given to the client as a root.
    /// - Parameters:
    ///   - names: DNS names and IP addresses it is for.
    ///   - days: validity from `from`; `from` and the end are `YYYYMMDDHHMMSSZ` when given.
    /// - Throws: when openssl is missing or refuses.
    package static func make(
        names: [String], commonName: String = "stoker.test", notBefore: String? = nil, notAfter: String? = nil
    ) throws -> TestCertificate {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("certificate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }  // only scratch
        let key = folder.appendingPathComponent("key.pem").path
        let request = folder.appendingPathComponent("request.pem").path
        let certificate = folder.appendingPathComponent("certificate.pem").path
        let settings = folder.appendingPathComponent("settings").path
        let alternatives = names.map { $0.contains(where: \.isLetter) && !$0.contains(":") ? "DNS:\($0)" : "IP:\($0)" }
        try """
        [ca]
        default_ca = own
        [own]
        database = \(folder.path)/index
        new_certs_dir = \(folder.path)
        serial = \(folder.path)/serial
        default_md = sha256
        policy = any
        x509_extensions = extensions
        unique_subject = no
        [any]
        commonName = supplied
        organizationName = optional
        [extensions]
        subjectAltName = \(alternatives.joined(separator: ","))
        basicConstraints = critical,CA:TRUE
        [req]
        distinguished_name = name
        [name]
        """.write(toFile: settings, atomically: true, encoding: .utf8)
        try "".write(toFile: folder.appendingPathComponent("index").path, atomically: true, encoding: .utf8)
        try "01".write(toFile: folder.appendingPathComponent("serial").path, atomically: true, encoding: .utf8)
        try openssl([
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
            "-out",
            request, "-subj", "/CN=\(commonName)/O=Stoker tests", "-config", settings,
        ])
        try openssl(
            [
                "ca", "-selfsign", "-batch", "-notext", "-config", settings, "-in", request, "-keyfile", key, "-out",
                certificate,
            ]
                + (notBefore.map { ["-startdate", $0] } ?? [])
                + (notAfter.map { ["-enddate", $0] } ?? ["-days", "30"]))
        return TestCertificate(
            certificate: try NIOSSLCertificate.fromPEMFile(certificate)[0],
            key: try NIOSSLPrivateKey(file: key, format: .pem))
    }

    package func serverContext() throws -> NIOSSLContext {
        try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: [.certificate(certificate)], privateKey: .privateKey(key)))
    }

    private static func openssl(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        let errors = Pipe()
        process.standardError = errors
        process.standardOutput = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let said = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw OpenSSLFailed(text: String(decoding: said, as: UTF8.self))
        }
    }

    package struct OpenSSLFailed: Error { package var text: String }
}
