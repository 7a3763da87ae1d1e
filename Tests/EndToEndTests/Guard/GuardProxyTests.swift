import Foundation
import NIOHTTP1
import TestSupport
import Testing

extension EndToEnd {
    /// The guard's port before an app: everything passes, and the guard answers what the app does not know.
    @Suite(.serialized, .timeLimit(.minutes(3))) struct GuardProxyTests {
        /// An app on raw sockets, so that nothing is tidied up on the way.
        static let app = """
            import base64, hashlib, os, socketserver, sys, threading
            go = threading.Semaphore(0)
            class Handler(socketserver.StreamRequestHandler):
                def handle(self):
                    while self.one(): pass
                def one(self):
                    line = self.rfile.readline().decode()
                    if not line: return False
                    method, path, _ = line.split()
                    headers = {}
                    while (h := self.rfile.readline().decode().strip()):
                        k, v = h.split(':', 1); headers[k.lower()] = v.strip()
                    w = self.wfile.write
                    if headers.get('expect'): w(b'HTTP/1.1 100 Continue\\r\\n\\r\\n'); self.wfile.flush()
                    size, digest = 0, hashlib.sha256()
                    if 'content-length' in headers:
                        left = int(headers['content-length'])
                        while left:
                            part = self.rfile.read(min(left, 65536)); digest.update(part); left -= len(part); size += len(part)
                    elif headers.get('transfer-encoding') == 'chunked':
                        while (n := int(self.rfile.readline(), 16)):
                            part = self.rfile.read(n); digest.update(part); size += n; self.rfile.readline()
                        while self.rfile.readline().strip(): pass
                    if headers.get('upgrade', '').lower() == 'websocket':
                        w(b'HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n\\r\\nhello'); self.wfile.flush()
                        while (part := self.connection.recv(65536)): self.connection.sendall(part[::-1])
                        return False
                    if path == '/big':
                        n = int(headers['x-size']); w(b'HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n' % n)
                        piece = b'z' * 65536
                        while n: w(piece[:min(n, 65536)]); n -= min(n, 65536)
                    elif path == '/events':
                        w(b'HTTP/1.1 200 OK\\r\\nContent-Type: text/event-stream\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n')
                        for i in range(3):
                            w(b'9\\r\\ndata: %d\\n\\n\\r\\n' % i); self.wfile.flush()
                            # The next one is for who has read this one.
                            if i < 2: go.acquire(timeout=15)
                        w(b'0\\r\\nX-Trailer: end\\r\\n\\r\\n')
                    elif path == '/go':
                        go.release(); w(b'HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok')
                    elif path == '/until-close':
                        w(b'HTTP/1.1 200 OK\\r\\n\\r\\nall of it'); self.wfile.flush(); return False
                    elif path == '/head':
                        w(b'HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\n\\r\\n' + (b'' if method == 'HEAD' else b'12345'))
                    elif path == '/echo':
                        text = ('%s %d %s %s' % (method, size, digest.hexdigest(), headers.get('x-forwarded-for'))).encode()
                        w(b'HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n' % len(text) + text)
                    else:
                        w(b'HTTP/1.1 404 Not Found\\r\\nContent-Length: 4\\r\\n\\r\\nnone')
                    self.wfile.flush()
                    return headers.get('connection') != 'close'
            class Server(socketserver.ThreadingTCPServer):
                allow_reuse_address = True; daemon_threads = True
            os.makedirs('data', exist_ok=True)
            server = Server(('127.0.0.1', int(os.environ['PORT'])), Handler)
            print('listening', flush=True)
            server.serve_forever()
            """

        /// What a client does, and prints `ok NAME`.
        static let client = """
            import hashlib, socket, sys
            port = int(sys.argv[1])
            def connect():
                s = socket.create_connection(('127.0.0.1', port)); s.settimeout(20); return s
            def head(f):
                status = f.readline().decode().strip(); headers = {}
                while (h := f.readline().decode().strip()):
                    k, v = h.split(':', 1); headers[k.lower()] = v.strip()
                return status, headers
            def call(s, f, text, body=b''):
                s.sendall(text.encode() + body); status, headers = head(f)
                return status, headers, f.read(int(headers['content-length'])) if 'content-length' in headers else b''
            def ok(name, condition, seen=''): print(('ok ' if condition else 'NOT ') + name, '' if condition else seen, flush=True)
            s = connect(); f = s.makefile('rb')
            status, headers, body = call(s, f, 'GET /echo HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n')
            ok('get', status.endswith('200 OK') and body.startswith(b'GET 0') and body.endswith(b' 127.0.0.1'), body)
            payload = b'q' * 3_000_000
            status, headers, body = call(s, f, 'POST /echo HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: %d\\r\\n\\r\\n' % len(payload), payload)
            ok('body', hashlib.sha256(payload).hexdigest().encode() in body, body)
            s.sendall(b'POST /echo HTTP/1.1\\r\\nHost: a\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n3\\r\\nabc\\r\\n2\\r\\nde\\r\\n0\\r\\n\\r\\n')
            status, headers = head(f); body = f.read(int(headers['content-length']))
            ok('chunked', hashlib.sha256(b'abcde').hexdigest().encode() in body, body)
            s.sendall(b'POST /echo HTTP/1.1\\r\\nHost: a\\r\\nExpect: 100-continue\\r\\nContent-Length: 3\\r\\n\\r\\n')
            first = f.readline(); f.readline()
            s.sendall(b'abc'); status, headers = head(f); body = f.read(int(headers['content-length']))
            ok('expect', b'100' in first and hashlib.sha256(b'abc').hexdigest().encode() in body, first)
            s.sendall(b'HEAD /head HTTP/1.1\\r\\nHost: a\\r\\n\\r\\nGET /head HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n')
            status, headers = head(f); second, more = head(f); body = f.read(int(more['content-length']))
            ok('head and two at once', headers['content-length'] == '5' and body == b'12345', body)
            s.sendall(b'GET /events HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n'); head(f)
            f.readline(); first = f.readline()
            other = connect(); g = other.makefile('rb')
            for i in range(2): call(other, g, 'GET /go HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n')
            other.close(); rest = b''
            while b'0\\r\\n' != (line := f.readline()): rest += line
            trailer = f.readline(); f.readline()
            ok('events as they come', first == b'data: 0\\n' and b'data: 2' in rest and trailer.lower().startswith(b'x-trailer'), (first, trailer))
            s.sendall(b'GET /until-close HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n'); status, headers = head(f)
            size = int(f.readline(), 16); body = f.read(size)
            ok('until close', headers.get('transfer-encoding') == 'chunked' and body.startswith(b'all'), headers)
            s.close()
            s = connect(); f = s.makefile('rb')
            size = int(sys.argv[2])
            s.sendall(b'GET /big HTTP/1.1\\r\\nHost: a\\r\\nX-Size: %d\\r\\n\\r\\n' % size); head(f); got = 0
            while got < size:
                part = f.read(min(1 << 20, size - got))
                if not part: break
                got += len(part)
            ok('large answer', got == size, got)
            status, headers, body = call(s, f, 'GET /health HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n')
            ok('health', status.endswith('200 OK') and b'"ok"' in body, body)
            status, headers, body = call(s, f, 'GET /status HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n')
            ok('status', b'"epoch"' in body and b'"running"' in body, body)
            status, headers, body = call(s, f, 'POST /snapshot HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 0\\r\\n\\r\\n')
            ok('snapshot without the token', '404' in status, status)
            status, headers, body = call(s, f, 'POST /snapshot HTTP/1.1\\r\\nHost: a\\r\\nAuthorization: Bearer letmein-token\\r\\nContent-Length: 0\\r\\n\\r\\n')
            ok('snapshot', '200' in status and b'"id"' in body, body)
            s.close()
            s = connect(); f = s.makefile('rb')
            s.sendall(b'GET /ws HTTP/1.1\\r\\nHost: a\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\n\\r\\n'); status, headers = head(f)
            greeting = f.read(5); echoes = []
            for i in range(50):
                s.sendall(b'frame%02d' % i); echoes.append(f.read(7))
            ok('websocket', '101' in status and greeting == b'hello' and echoes == [(b'frame%02d' % i)[::-1] for i in range(50)], (status, greeting, echoes[:2]))
            s.close()
            s = connect(); f = s.makefile('rb')
            s.sendall(b'POST /echo HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 3\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n')
            ok('two lengths', '400' in f.readline().decode() )
            """

        /// Two ports that were free a moment ago.
        static func ports() throws -> (Int, Int) {
            let (one, other) = (try ReservedPort(), try ReservedPort())
            defer {
                one.release()
                other.release()
            }
            return (one.number, other.number)
        }

        @Test func everythingPasses() async throws {
            try await Scratch.with("guard-proxy") { scratch in
                let place = try scratch.container("one")
                let (front, back) = try Self.ports()
                let one = try scratch.guarded(
                    in: place, more: ["--proxy", "\(back)", "--port", "\(front)", "--host", "127.0.0.1"],
                    environment: ["STOKER_TOKEN": "letmein-token"], app: ["python3", "-c", Self.app])
                try await one.waitForLine("the app") { $0 == "listening" }
                try await one.waitForLog("the app runs")
                let script = try scratch.write(Self.client, to: "client.py")
                let client = try await scratch.run("python3", [script, "\(front)", "67108864"])
                let lines = client.outputLines.map { $0.trimmingCharacters(in: .whitespaces) }
                #expect(lines.allSatisfy { $0.hasPrefix("ok ") } && lines.count == 14, "\(client.tail) \(one.tail)")
                await one.stop(within: .seconds(10))
            }
        }

        /// Before the app is there, and while the guard restores, `/health` is 503 and says why.
        @Test func untilTheAppIsThereHealthSaysSo() async throws {
            try await Scratch.with("guard-health") { scratch in
                let first = try scratch.guarded(
                    in: try scratch.container("zero"), app: ["/bin/sh", "-c", "mkdir -p data; echo 1 > data/x"])
                #expect(try await first.waitForExit() == .code(0))
                let (front, back) = try Self.ports()
                let one = try scratch.guarded(
                    in: try scratch.container("one"),
                    more: [
                        "--proxy", "\(back)", "--port", "\(front)", "--host", "127.0.0.1", "--verify",
                        "while [ ! -e go ]; do sleep 0.05; done",
                    ], app: ["python3", "-c", Self.app])
                let address = "http://127.0.0.1:\(front)"
                let reply = try await Wait.for("the check") {
                    let reply = try await HTTP.call(address + "/health")
                    #expect(reply.status == 503)
                    return reply.body.contains("verifying") ? reply : nil
                }
                #expect(reply.headers.contains(name: "retry-after"))
                #expect(try await HTTP.call(address + "/anything").status == 503)
                #expect(try await HTTP.call(address + "/status").status == 200)
                _ = try scratch.write("", to: "one/go")
                try await Wait.until("health") { try await HTTP.call(address + "/health").status == 200 }
                #expect(try await HTTP.call(address + "/anything").status == 404)
                await one.stop(within: .seconds(10))
            }
        }
    }
}
