import ArgumentParser
import AsyncHTTPClient
import ServiceLifecycle

@main
struct Stoker: AsyncParsableCommand {
    func run() async throws {
        print("stoker")
    }
}
