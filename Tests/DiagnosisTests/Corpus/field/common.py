# What the sets from 4 on share: kinds of programs, services that answer as told, and noise.
BIN = pathlib.Path('/tmp/stokerfield/bin')  # programs/ compiled
BIN.mkdir(parents=True, exist_ok=True)
for source in (here / 'programs').iterdir():
    out = BIN / source.stem
    if not out.exists(): subprocess.run(['rustc' if source.suffix == '.rs' else 'g++', '-o', str(out), str(source)], check=True)
GR = pathlib.Path(os.environ['FIELD_UI']).resolve()  # a virtual environment with gradio, streamlit, transformers and others, of another Python


def py(name, expect, body, cmd='python app.py', secs=9, **more):
    case(name, expect, {'app.py': body, **more.pop('files', {})}, cmd, secs, **more)
def ui(name, expect, body, cmd='python app.py', secs=25, **more):
    py(name, expect, body, cmd, secs, venv=GR, **more)
def web(name, expect, body, secs=9, cmd=None, **more):
    case(name, expect, {'app.py': FA + body, **more.pop('files', {})}, (cmd or UV) + ' & ' + VIS, secs, net=more.pop('net', 'hole'), **more)
VIS = 'sleep 4; for p in / /tides / /tides; do curl -s -o /dev/null http://10.9.0.1:7860$p; done'
LATE = dict(stage='RUNTIME_ERROR', message='Launch timed out, workload was not healthy after 30 min')
LOGURU = 'import sys\nfrom loguru import logger\nlogger.remove(); logger.add(sys.stdout, colorize=%s, backtrace=False, diagnose=%s)\nlogger.info("tide service 2.4.1")\n'
STRUCT = 'import structlog, logging, sys\nstructlog.configure(processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso"), structlog.processors.format_exc_info, structlog.processors.%s])\nlog = structlog.get_logger()\nlog.info("boot", stations=3)\n'
JSONL = 'import logging, sys\nfrom pythonjsonlogger.json import JsonFormatter\nh = logging.StreamHandler(sys.stdout); h.setFormatter(JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))\nlogging.basicConfig(level=logging.INFO, handlers=[h])\nlog = logging.getLogger("tide")\nlog.info("boot")\n'
# A service of the same container that answers as a Hub or an API would.
FAKE = '''
import http.server, json, sys, threading
PORT = 8099
class H(http.server.BaseHTTPRequestHandler):
    def log_message(self, *a): pass
    def reply(self):
        n = int(self.headers.get("content-length") or 0)
        if n: self.rfile.read(n)
        body = json.dumps(BODY).encode()
        self.send_response(STATUS)
        self.send_header("content-type", "application/json")
        for k, v in HEADERS.items(): self.send_header(k, v)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD": self.wfile.write(body)
    do_GET = do_POST = do_HEAD = do_PUT = reply
s = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), H)
threading.Thread(target=s.serve_forever, daemon=True).start()
'''
def fake(status, body, headers={}): return f'STATUS = {status}\nBODY = {body!r}\nHEADERS = {headers!r}\n' + FAKE
SELFSIGNED = '''
import ssl, socket, subprocess, threading
subprocess.run("openssl req -x509 -newkey rsa:2048 -keyout k.pem -out c.pem -days 1 -nodes -subj /CN=tides.example 2>/dev/null", shell=True)
def serve():
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); c.load_cert_chain("c.pem", "k.pem")
    s = socket.create_server(("127.0.0.1", 8443))
    while True:
        try: a, _ = s.accept(); c.wrap_socket(a, server_side=True)
        except Exception: pass
threading.Thread(target=serve, daemon=True).start()
'''


def build(name, expect, steps, secs=40, files={}, style=0, **more):
    case(name, expect, {**files, '.b.py': BPY, '.steps.json': json.dumps(steps)}, f'python .b.py {style} .steps.json; rm -f .b.py .steps.json', secs, kind='build', net=more.pop('net', 'host'), **more)
FROM = ('SAY', '--> FROM docker.io/library/python:3.11-slim@sha256:0e6a5b1d\nDONE 0.0s')
TOOLS = {'PATH': os.environ.get('FIELD_TOOLS', '') + '/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/cargo/bin'}
VENVP = 'python -m venv --without-pip .v && '
def pip(args): return f'python -m pip --disable-pip-version-check install --no-cache-dir --target=/tmp/stokerfield/none {args}'
def rq(name, expect, text, style=0, more='', **k): build(name, expect, [FROM, ('RUN', pip('--dry-run -r requirements.txt ' + more))], style=style, files={'requirements.txt': text}, venv=SLIM, **k)

def calm(name, body, cmd=None, secs=11, expect='none', **more):
    case(f'r{SET}-ok-' + name, expect, {'app.py': FA + body, **more.pop('files', {})}, (cmd or UV) + ' & ' + VIS, secs, net=more.pop('net', 'hole'), **more)
def live(expr): return f'@app.get("/tides")\ndef t():\n    {expr}\n    return 1\n'
def fine(name, steps, style=0, **more): build(f'r{SET}-ok-b-' + name, 'none', steps, style=style, **more)

# More kinds of noise than the sets before: prefixes of compose, Kubernetes and supervisors, JSON of a sidecar.
noisy_before = noisy
def noisy(text, kind, rng):
    style = rng.randrange(9)
    if kind == 'build' or style < 5: return noisy_before(text, kind, rng)
    lines = text.rstrip('\n').split('\n')
    if style == 5: lines = [f'web-1  | {l}' for l in lines]
    if style == 6: lines = [f'2026-11-30T08:00:{i % 60:02}.{rng.randrange(10**9):09}Z {rng.choice(("stdout", "stderr"))} F {l}' for i, l in enumerate(lines)]
    if style == 7:
        mixed = []
        for l in lines:
            mixed.append(f'[app] {l}')
            if rng.random() < .1: mixed.append(rng.choice(('[cron] run-parts: executing /etc/cron.hourly/clean', '[redis] 1:M 30 Nov 2026 08:00:01.020 * Background saving started by pid 22', '[cron] done')))
        lines = mixed
    if style == 8:
        mixed = []
        for l in lines:
            mixed.append(l)
            if rng.random() < .08: mixed.append(rng.choice(('{"level":"warn","logger":"sidecar","msg":"scrape failed","error":"context deadline exceeded"}', '{"level":"info","logger":"sidecar","msg":"ok","errors":0}', 'D 2026-11-30 08:00:02 sync: 0 of 12 files changed')))
        lines = mixed
    return HEAD % rng.randrange(9) + '\n' + '\n'.join(lines) + '\n'
