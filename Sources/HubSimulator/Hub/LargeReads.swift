import NIOCore

/// Lets a connection read up to a megabyte at once. NIO's own limit of 64 KiB makes a gigabyte 16,000 steps between threads, which
/// cost the simulator more than the bytes do.
final class LargeReads: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = Any

    func handlerAdded(context: ChannelHandlerContext) {
        // A channel that does not know the option keeps to its own limit.
        try? context.channel.syncOptions?.setOption(
            ChannelOptions.recvAllocator,
            value: AdaptiveRecvByteBufferAllocator(minimum: 64, initial: 2_048, maximum: 1 << 20))
    }
}
