import Foundation

/// What libFuzzer is let loose on; `STOKER_FUZZ_TARGET` names one. Each must take any bytes, and stops the process when
/// something does not hold that holds for every input.
enum FuzzTarget: String, CaseIterable {
    case fleet, answer, evaluator, dns, judge, json, sse, ndjson, headers

    func take(_ bytes: [UInt8]) {
        switch self {
        case .fleet: FleetFileFuzz.take(bytes)
        case .answer: AnswerFuzz.take(bytes)
        case .evaluator: ExaminerFuzz.take(bytes)
        case .dns: DNSFuzz.take(bytes)
        case .judge: JudgeFuzz.take(bytes)
        case .json: HubJSONFuzz.take(bytes)
        case .sse: SSEFuzz.take(bytes)
        case .ndjson: NDJSONFuzz.take(bytes)
        case .headers: HubHeadersFuzz.take(bytes)
        }
    }

    static let chosen: FuzzTarget = {
        let name = ProcessInfo.processInfo.environment["STOKER_FUZZ_TARGET"] ?? ""
        guard let target = FuzzTarget(rawValue: name) else {
            let names = allCases.map(\.rawValue).joined(separator: ", ")
            FileHandle.standardError.write(Data("STOKER_FUZZ_TARGET must be one of \(names)\n".utf8))
            exit(2)
        }
        return target
    }()
}

/// Something that must hold whatever came in. libFuzzer keeps the input that broke it.
func must(_ holds: Bool, _ what: @autoclosure () -> String) {
    precondition(holds, what())
}

/// Called by libFuzzer for every input. Source: llvm.org/docs/LibFuzzer.html, "Fuzz Target".
@_cdecl("LLVMFuzzerTestOneInput")
public func takeOne(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    FuzzTarget.chosen.take(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}

/// libFuzzer's own `main`, under a name that can be called: SwiftPM puts the entry of an executable in its place.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ one: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

@main struct Main {
    static func main() {
        _ = FuzzTarget.chosen
        var count = CommandLine.argc
        var arguments = CommandLine.unsafeArgv
        exit(runDriver(&count, &arguments, takeOne))
    }
}
