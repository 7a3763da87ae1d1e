#!/usr/bin/env python3
"""Runs programs that fail, and some that do not, in containers of their own (namespaces, uid 1000), and keeps what they print, inside the noise of a
container's log.

    field.py SET VENV SLIM [NAME...]      writes ../field-SET.logs from cases_SET.py; with names, only those anew

From set 4 on: FIELD_UI is a virtual environment of another Python with gradio, streamlit, transformers and others, FIELD_TOOLS one with uv and poetry; FIELD_JOBS
programs run at a time. Needs root, node, nginx, java, rustc, g++, and postgres 15 in the network namespace `stokerfield` (postgres.sh starts it). VENV and SLIM are virtual environments:
VENV has what the programs import, SLIM only fastapi, uvicorn, flask, gunicorn, sqlalchemy and pandas."""
import hashlib, json, os, pathlib, random, shutil, signal, subprocess, sys, tempfile, textwrap
from concurrent.futures import ThreadPoolExecutor

here = pathlib.Path(__file__).parent
sys.path.insert(0, str(here.parent))
import bundle

SET = sys.argv[1]
VENV, SLIM = pathlib.Path(sys.argv[2]).resolve(), pathlib.Path(sys.argv[3]).resolve()
ONLY = set(sys.argv[4:])
BASE = pathlib.Path(tempfile.mkdtemp(prefix='field'))
BASE.chmod(0o755)
PY = BASE / 'py'
CASES = []
TEXTS = {label['name']: text for label, text in bundle.read(here.parent / f'field-{SET}.plain')}
BPY = (here / 'builder.py').read_text()


def case(name, expect, files, cmd, secs=7, kind='run', root=False, net='own', venv=None, env=None, setup='', **label):
    CASES.append(dict(name=name, expect=expect, files=files, cmd=cmd, secs=secs, kind=kind, root=root, net=net,
                      venv=venv or VENV, env=env or {}, setup=setup, label=label))


HOLE = 'ip addr add 10.9.0.1/32 dev lo; ip route add 10.9.0.0/24 dev lo; '  # what goes there vanishes


def run(c):
    d = BASE / c['name']
    shutil.rmtree(d, ignore_errors=True)
    d.mkdir(parents=True)
    for f, text in c['files'].items():
        p = d / f
        p.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, bytes):
            p.write_bytes(text)
        else:
            p.write_text(textwrap.dedent(text).lstrip('\n'), newline='')
        if f.endswith('.sh') and 'noexec' not in f:
            p.chmod(0o755)
    subprocess.run(['chown', '-R', '0:0' if c['root'] else '1000:1000', str(d)])
    net = '' if c['net'] in ('host', 'db') else 'ip link set lo up; ' + (HOLE if c['net'] == 'hole' else '')
    path = f"/usr/bin/env PATH={c['env']['PATH']} " if 'PATH' in c['env'] else ''  # only the program's own
    user = path if c['root'] else path + '/usr/bin/setpriv --reuid 1000 --regid 1000 --clear-groups '
    inner = (f'mkdir -p {PY}; mount --bind /root/.pyenv {PY}; mount -t tmpfs tmpfs /root; mkdir /root/.pyenv; mount --bind {PY} /root/.pyenv; chmod 755 /root; mount -t tmpfs tmpfs /home; mkdir -p /home/user/app; chown 1000:1000 /home/user; mount --bind {d} /home/user/app; mount --make-rprivate / 2>/dev/null; '
             f'{net}{c["setup"]}\ncd /home/user/app; exec {user}/bin/bash -c "{{ $RUNME\n}} 2>&1 | cat"')
    ns = ['unshare', '-m', '-p', '-f', '--mount-proc'] + ([] if c['net'] in ('host', 'db') else ['-n'])
    if c['net'] == 'db':
        ns = ['ip', 'netns', 'exec', 'stokerfield'] + ns
    env = {'PATH': f"{c['venv']}/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", 'HOME': '/home/user', 'PYTHONUNBUFFERED': '1', 'LANG': 'C.UTF-8',
           'HF_HUB_DISABLE_TELEMETRY': '1', 'GRADIO_ANALYTICS_ENABLED': 'False', 'PYTHONDONTWRITEBYTECODE': '1', **{k: v for k, v in c['env'].items() if k != 'PATH'}, 'RUNME': c['cmd']}
    for k in ('http_proxy', 'https_proxy', 'HTTPS_PROXY', 'HTTP_PROXY', 'PIP_INDEX_URL', 'PIP_CERT', 'REQUESTS_CA_BUNDLE', 'SSL_CERT_FILE', 'PIP_PROXY', 'no_proxy', 'NO_PROXY'):
        if c['net'] == 'host' and k in os.environ:
            env[k] = os.environ[k]
    p = subprocess.Popen(ns + ['bash', '-c', inner], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, start_new_session=True)
    try:
        out, _ = p.communicate(timeout=c['secs'])
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        out, _ = p.communicate()
    text = out.decode(errors='replace')
    for a, b in (('/tmp/stokerfield/bin', '/usr/local/bin'), ('/tmp/stokerfield/none', '/srv/packages'), (str(c['venv']) + '/lib', '/usr/local/lib'), (str(c['venv']) + '/include', '/usr/local/include'), (str(c['venv']) + '/', '/usr/local/'), (str(c['venv']) + '/bin', '/usr/local/bin'), (sys.base_prefix, '/usr/local'), (str(d), '/home/user/app')):
        text = text.replace(a, b)
    TEXTS[c['name']] = text
    print(c['name'], p.returncode, len(text), flush=True)


FA = '''
from fastapi import FastAPI
app = FastAPI()
@app.get("/")
def root(): return {"ok": True}
'''
UV = 'uvicorn app:app --host 0.0.0.0 --port 7860'
VISIT = 'sleep 4; for i in 1 2 3; do curl -s -o /dev/null http://10.9.0.1:7860/; done'
LOGCONF = 'import logging, sys\nlogging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-8s [%(name)s] %(message)s")\nlog = logging.getLogger("app")\n'
NOISE = '''
import sys, time, warnings
from tqdm import tqdm
warnings.warn("torch.utils._pytree._register_pytree_node is deprecated.", FutureWarning)
for _ in tqdm(range(40), desc="Loading checkpoint shards"): time.sleep(0.005)
print("Loaded 3 stations", flush=True)
'''
HEAD = '===== Application Startup at 2026-11-30 08:00:0%d =====\n'
BEFORE = ['INFO:     Started server process [1]\nINFO:     Waiting for application startup.\nINFO:     Application startup complete.\nINFO:     Uvicorn running on http://0.0.0.0:7860 (Press CTRL+C to quit)\n'
          'INFO:     10.16.3.9:41200 - "GET / HTTP/1.1" 200 OK\nINFO:     Shutting down\nINFO:     Waiting for application shutdown.\nINFO:     Application shutdown complete.\nINFO:     Finished server process [1]\n',
          'Collecting data\nKilled\n', '']
WORKER = ['{"ts":"2026-11-30T08:00:0%dZ","level":"info","msg":"queue length","value":%d}', '[worker] heartbeat %d/%d', '2026-11-30 08:00:0%d,31%d DEBUG urllib3.connectionpool Starting new HTTPS connection (1): api.tides.example:443',
          'Fetching 12 files:  %d0%%|###       | %d/12 [00:01<00:09,  1.2it/s]']


def noisy(text, kind, rng):
    if kind == 'build':
        if '=====' not in text and not text.startswith('#') and rng.random() < .5:
            text = '===== Build Queued at 2026-11-30 07:58:00 / Commit SHA: 1a2b3c4 =====\n\n' + text
        return text
    style = rng.randrange(5)
    lines = text.split('\n')
    if style == 1:
        lines = [f'\x1b[{rng.choice((2, 31, 32, 36, 90))}m{l}\x1b[0m' if l.strip() and rng.random() < .6 else l for l in lines]
    if style == 2:
        mixed = []
        for l in lines:
            mixed.append(l)
            if rng.random() < .12: mixed.append(rng.choice(WORKER) % (rng.randrange(9), rng.randrange(9)))
        lines = mixed
    if style == 3 and not lines[0].startswith(('2026', '[2026')):
        lines = [f'2026-11-30T08:00:{i % 60:02}.{rng.randrange(1000):03}Z {l}' if l else l for i, l in enumerate(lines)]
    text = '\n'.join(lines)
    if style != 0: text = HEAD % rng.randrange(9) + '\n' + text
    if style == 4: text = HEAD % 0 + '\n' + rng.choice(BEFORE) + '\n' + text
    return text



exec((here / f'cases_{SET}.py').read_text())

if __name__ == '__main__':
    names = [c['name'] for c in CASES]
    assert len(set(names)) == len(names), [n for n in names if names.count(n) > 1]
    with ThreadPoolExecutor(int(os.environ.get('FIELD_JOBS', '3'))) as pool:
        list(pool.map(run, [c for c in CASES if not ONLY or c['name'] in ONLY or c['name'] not in TEXTS]))
    CASES[:] = [c for c in CASES if c['name'] in TEXTS]
    labels = [{'name': c['name'], 'kind': c['kind'], 'expect': c['expect'], **c['label']} for c in CASES]
    bundle.write(here.parent / f'field-{SET}.plain', [(l, TEXTS[l['name']]) for l in labels])  # what was printed; not kept in the repository
    bundle.write(here.parent / f'field-{SET}.logs', [
        (l, noisy(TEXTS[l['name']], l['kind'], random.Random(f"{SET}-{l['name']}")).rstrip('\n')) for l in labels])
    shutil.rmtree(BASE, ignore_errors=True)
