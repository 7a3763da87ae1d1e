import Foundation

/// Work that waits for a disk, on a thread of its own: the threads of tasks are few.
enum BlockingWork {
    static func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let thread = Thread { continuation.resume(with: Result { try work() }) }
            thread.stackSize = 2 << 20
            thread.start()
        }
    }
}
