# Written after the mends for set 6. Small apps as people make them: a page, a bot, a job, an agent, each with one thing wrong.
exec((here / 'common.py').read_text())
def st(name, expect, body, secs=14, **more):
    visit = 'import asyncio, websockets\nfrom streamlit.proto.BackMsg_pb2 import BackMsg\nasync def m():\n    async with websockets.connect("ws://10.9.0.1:7860/_stcore/stream", subprotocols=["streamlit"]) as w:\n        b = BackMsg(); b.rerun_script.query_string = ""\n        await w.send(b.SerializeToString())\n        await asyncio.sleep(3)\nasyncio.run(m())\n'
    ui(name, expect, body, 'streamlit run app.py --server.headless true --server.port 7860 --server.address 0.0.0.0 & sleep 6; python visit.py; sleep 1', secs, files={'visit.py': visit}, net='hole', **more)
GRAD = 'import gradio as gr\n%s\ngr.Interface(lambda s: s, "text", "text").launch(server_name="0.0.0.0", server_port=7860)\n'
def gd(name, expect, body, secs=20, **more): ui(name, expect, GRAD % body, secs=secs, **more)

# pages of Streamlit and Gradio
st('r7-st-module', 'D01', 'import streamlit as st\nimport plotly_resampler\nst.title("tides")\n')
st('r7-st-file', 'CD03', 'import streamlit as st, pandas as pd\nst.title("tides")\nst.dataframe(pd.read_csv("assets/tides.csv"))\n')
st('r7-st-conn', 'DB02|D27|D07|D01', 'import streamlit as st\nfrom sqlalchemy import create_engine\nst.title("x")\ncreate_engine("mysql+pymysql://a:b@127.0.0.1/t").connect()\n')
st('r7-st-env', 'D07', 'import streamlit as st, os\nst.title("x")\nKEY = os.environ["MAPTILER_KEY"]\n')
st('r7-st-syntax', 'CD01', 'import streamlit as st\nst.title("x"\nst.write(1)\n')
st('r7-st-own', 'unknown', 'import streamlit as st\nst.title("x")\nst.write([1, 2][7])\n')
st('r7-st-theme', 'unknown|MF04', 'import streamlit as st\nst.experimental_rerun()\n')
gd('r7-gr-module', 'D01', 'import librosa_none as l')
gd('r7-gr-file', 'CD03', 'words = open("prompts/system.txt").read()')
gd('r7-gr-token', 'D07|D19', 'import os\nfrom huggingface_hub import login\nlogin(token=os.environ["HF_WRITE_TOKEN"])')
gd('r7-gr-dns', 'D12', 'import urllib.request\nurllib.request.urlretrieve("https://cdn.tides.example/m.onnx", "m.onnx")', net='own')
gd('r7-gr-perm', 'D03', 'import pathlib\npathlib.Path("/models").mkdir()')
gd('r7-gr-kw', 'MF04|unknown', 'gr.Chatbot(likeable=True)')
ui('r7-gr-queue', 'P02', 'import gradio as gr\nwith gr.Blocks() as demo: gr.Markdown("x")\ndemo.queue(max_size=4).launch(server_port=7860, show_error=True)\n', secs=18, **LATE)
ui('r7-gr-auth-env', 'D07|unknown', 'import gradio as gr, os\nuser, password = os.getenv("LOGIN").split(":")\n')
gd('r7-gr-pipeline', 'D12|D01|MF03', 'from transformers import AutoProcessor\nAutoProcessor.from_pretrained("acme/tide-vision")', net='own', secs=45)
gd('r7-gr-ds', 'D12', 'from datasets import load_dataset\nload_dataset("acme/tides", split="train")', net='own', secs=45)
gd('r7-gr-faiss', 'D01', 'from langchain.vectorstores import FAISS')
gd('r7-gr-pickle', 'MF01', 'import pickle; pickle.load(open("clf.pkl", "rb"))', files={'clf.pkl': 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n'})
gd('r7-gr-sklearn', 'CD03', 'import joblib; joblib.load("model.joblib")')
gd('r7-gr-onnx', 'CD03', 'import onnxruntime as o; o.InferenceSession("weights/m.onnx")')
gd('r7-gr-font', 'CD03', 'from PIL import ImageFont; ImageFont.truetype("Inter.ttf", 12)')
gd('r7-gr-image', 'CD03', 'from PIL import Image; Image.open("logo.webp")')

# bots, jobs, agents
py('r7-bot-401', 'D25', fake(401, {'ok': False, 'error_code': 401, 'description': 'Unauthorized'}) + 'import asyncio\nfrom telegram import Bot\nprint("bot", flush=True)\nasyncio.run(Bot("12345678:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0", base_url="http://127.0.0.1:8099/bot").get_me())\n', venv=VENV)
py('r7-bot-dns', 'D12|D11', 'import asyncio, aiohttp\nasync def m():\n    async with aiohttp.ClientSession() as s:\n        await s.get("https://discord.com/api/v10/gateway")\nprint("bot", flush=True)\nasyncio.run(m())\n', net='own')
py('r7-agent-json', 'unknown', 'import json\nprint("agent", flush=True)\nanswer = "Sure! {\\"tool\\": "\njson.loads(answer)\n')
py('r7-agent-ctx', 'D34|L03|L06|unknown', fake(400, {'error': {'message': "This model's maximum context length is 8192 tokens.", 'type': 'invalid_request_error', 'code': 'context_length_exceeded'}}) + 'import openai\nopenai.OpenAI(api_key="x", base_url="http://127.0.0.1:8099/v1", max_retries=0).chat.completions.create(model="m", messages=[])\n')
py('r7-job-s3', 'D25', fake(403, {}) + 'import boto3\nprint("backup", flush=True)\nboto3.client("s3", endpoint_url="http://127.0.0.1:8099", aws_access_key_id="a", aws_secret_access_key="b", region_name="x").list_objects_v2(Bucket="tides")\n', venv=VENV, secs=15)
py('r7-job-upload', 'RT09', 'import shutil\nprint("snapshot", flush=True)\nshutil.make_archive("/small/snap", "tar", "/usr/share/zoneinfo")\n', setup='mkdir -p /small; mount -t tmpfs -o size=300k tmpfs /small; chmod 777 /small;')
py('r7-job-threadpool', 'D27', 'from concurrent.futures import ThreadPoolExecutor\nimport urllib.request\nwith ThreadPoolExecutor(2) as p: list(p.map(urllib.request.urlopen, ["http://127.0.0.1:9001/a", "http://127.0.0.1:9001/b"]))\n')
py('r7-job-mp', 'RT08', 'import multiprocessing as mp, os\ndef f(n): os.abort() if n == 9 else os.kill(os.getpid(), 9)\nif __name__ == "__main__":\n    print("shards", flush=True)\n    ps = [mp.Process(target=f, args=(i,)) for i in range(2)]\n    [p.start() for p in ps]; [p.join() for p in ps]\n    bad = [p.exitcode for p in ps if p.exitcode]\n    if bad: raise SystemExit(f"workers ended with {bad}; SIGKILL is 9")\n')
py('r7-job-ftp', 'D12', 'import ftplib\nftplib.FTP("ftp.tides.example")\n')
py('r7-job-imap', 'D27', 'import imaplib\nprint("mail", flush=True)\nimaplib.IMAP4("127.0.0.1", 1430)\n')
py('r7-job-ssl-ctx', 'D28', SELFSIGNED + 'import time, imaplib, ssl\ntime.sleep(.5)\nimaplib.IMAP4_SSL("127.0.0.1", 8443, ssl_context=ssl.create_default_context())\n', net='own')
py('r7-job-yaml', 'CD03', 'import tomllib\nprint("pipeline", flush=True)\ntomllib.load(open("pipeline.toml", "rb"))\n')
py('r7-job-alembic', 'DB03|unknown', 'from sqlalchemy import create_engine, text\nprint("rows", flush=True)\ncreate_engine("sqlite:///t.db").connect().execute(text("insert into gauges values (1)"))\n')
py('r7-job-unique', 'unknown', 'import sqlite3\nc = sqlite3.connect(":memory:"); c.execute("create table a(x unique)")\nfor _ in range(2): c.execute("insert into a values (1)")\n')
py('r7-job-lock', 'unknown|D05', 'import fcntl\nf = open("/tmp/l", "w"); g = open("/tmp/l", "w")\nprint("lock", flush=True)\nfcntl.flock(f, fcntl.LOCK_EX)\nfcntl.flock(g, fcntl.LOCK_EX | fcntl.LOCK_NB)\n')

# servers
web('r7-fa-model', 'CD03', '@app.get("/tides")\ndef t():\n    import numpy as np\n    return np.load("weights/grid.npy").tolist()\n', venv=GR)
web('r7-fa-key', 'D25', fake(401, {'error': 'no'}) + 'import httpx\n@app.get("/tides")\ndef t(): return httpx.get("http://127.0.0.1:8099/x").raise_for_status().json()\n', venv=GR)
web('r7-fa-refused', 'D27', 'import httpx\n@app.get("/tides")\nasync def t():\n    async with httpx.AsyncClient() as c: return (await c.get("http://127.0.0.1:8001/embed")).json()\n', venv=GR)
web('r7-fa-timeout', 'D29', 'import httpx, socket\ns = socket.create_server(("127.0.0.1", 8099))\n@app.get("/tides")\ndef t(): return httpx.get("http://127.0.0.1:8099/x", timeout=.6).json()\n', venv=GR, secs=12)
web('r7-fa-none', 'unknown|D07', '@app.get("/tides")\ndef t():\n    import os\n    return os.getenv("REGION").lower()\n', venv=GR)
py('r7-fl-templ', 'CD03', 'from flask import Flask, render_template\napp = Flask(__name__)\n@app.get("/")\ndef i(): return render_template("home.html")\n', 'gunicorn -b 0.0.0.0:7860 app:app & sleep 4; for i in 1 2 3; do curl -s -o /dev/null 10.9.0.1:7860/; done', net='hole')
py('r7-fl-bp', 'CD04|D01', 'from flask import Flask\napp = Flask(__name__)\nfrom views import bp\n', 'gunicorn -b 0.0.0.0:7860 app:app', files={'views.py': 'from flask import Blueprint\nfrom models import Gauge\nbp = Blueprint("v", __name__)\n', 'models.py': 'from views import bp\nclass Gauge: pass\n'})
py('r7-dj-apps', 'D01', 'from django.conf import settings\nsettings.configure(INSTALLED_APPS=["rest_framework", "gauges"], SECRET_KEY="x")\nimport django\ndjango.setup()\n')
py('r7-dj-db', 'DB02', 'from django.conf import settings\nsettings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "t", "HOST": "localhost", "PORT": 5433, "USER": "a"}}, INSTALLED_APPS=[], ROOT_URLCONF="app", SECRET_KEY="x", ALLOWED_HOSTS=["*"])\nurlpatterns = []\nfrom django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\nfrom django.db import connection\nconnection.cursor()\n', 'gunicorn -b 0.0.0.0:7860 app')
py('r7-mod-wsgi', 'CD02|D01', 'x = 1\n', 'gunicorn --chdir /home/user/app backend.app:create_app')
case('r7-node-express', 'D01', {'server.js': "const cors = require('cors');\nconst app = require('express')();\napp.listen(process.env.PORT || 7860);\n", 'package.json': '{"name":"t","scripts":{"start":"node server.js"}}'}, 'npm start', 9)
case('r7-node-ts', 'EP03|D01', {'package.json': '{"name":"t","scripts":{"start":"ts-node src/index.ts"}}'}, 'npm start', 9)
case('r7-node-build', 'EP03|CD02|CD03|D01', {'package.json': '{"name":"t","scripts":{"start":"node build/index.js"}}'}, 'npm start', 9)
case('r7-node-key', 'D07', {'i.js': "const key = process.env.OPENAI_API_KEY;\nif (!key) { console.error('OPENAI_API_KEY missing in environment'); process.exit(1); }\n"}, 'node i.js')
case('r7-node-lo', 'P02', {'i.js': "require('http').createServer().listen(7860, '127.0.0.1', function () { console.log(`Server ready at http://127.0.0.1:${this.address().port}/`); });\n"}, 'node i.js', 4, **LATE)
case('r7-go-like', 'P01', {'x': ''}, 'echo "2026/11/30 08:00:01 listening on :8080"; sleep 3', 5, **LATE)
case('r7-rust-like', 'P01|P02', {'x': ''}, 'echo "🚀 Server started successfully at http://127.0.0.1:3000"; sleep 3', 5, **LATE)
case('r7-deno-like', 'P01', {'x': ''}, 'echo "Listening on http://0.0.0.0:8000/ (http://localhost:8000/)"; sleep 3', 5, **LATE)

# builds
build('r7-b-model', 'BD10|D12', [FROM, ('RUN', 'python dl.py')], files={'dl.py': 'import urllib.request\nprint("fetching weights")\nurllib.request.urlretrieve("https://cdn.tides.example/w.bin", "w.bin")\n'}, net='own', venv=SLIM)
build('r7-b-file', 'CD03|B07', [FROM, ('RUN', 'python prep.py')], files={'prep.py': 'import json\njson.load(open("data/stations.json"))\n'}, style=1, venv=SLIM)
build('r7-b-perm', 'D03|BD12', [FROM, ('RUN', 'mkdir /opt/tide && cp app.py /opt/tide')], files={'app.py': ''})
build('r7-b-pipuser', 'D03', [FROM, ('RUN', 'touch /usr/local/lib/x.pth')], style=1)
build('r7-b-gcc', 'BD11', [FROM, ('RUN', 'g++ -O2 -o t t.cpp')], files={'t.cpp': '#include <vector>\nint main() { std::vector<int> v; v.push(1); }\n'})
build('r7-b-hdr', 'BD03|BD11', [FROM, ('RUN', 'gcc -o t t.c -lnone')], files={'t.c': 'int main() { return 0; }\n'}, style=1)
build('r7-b-make', 'BD08|B07|CD03|unknown', [FROM, ('RUN', 'make -C native')], files={'x': ''})
build('r7-b-unzip', 'BD08', [FROM, ('RUN', 'unzipx -q data.zip')], style=1)
build('r7-b-test', 'unknown|BD11', [FROM, ('RUN', 'python -m unittest -q t')], files={'t.py': 'import unittest\nclass T(unittest.TestCase):\n    def test_a(self): self.assertEqual(1, 2)\n'}, venv=SLIM)
build('r7-b-constraint', 'B01', [FROM, ('RUN', pip('--dry-run fastapi==0.115.0 "starlette>=0.47"'))], venv=SLIM, style=1)
build('r7-b-pyver', 'B03|BD15', [FROM, ('RUN', pip('--dry-run --python-version 3.7 --only-binary :all: pandas==2.2.2'))], venv=SLIM)

# healthy
def gok(n, body, expect='none'): case(f'r7-ok-gr-{n}', expect, {'app.py': GRAD % body}, 'python app.py', 18, venv=GR)
gok(0, 'import warnings; warnings.warn("You have unused kwarg parameters in Chatbot")')
gok(1, 'try:\n    import flash_attn\nexcept Exception as e: print("flash attention off:", e)')
gok(2, 'import os\nprint("HF_TOKEN", "set" if os.getenv("HF_TOKEN") else "not set")')
gok(3, 'import logging\nlogging.warning("Some weights were not used; this IS expected")\nlogging.getLogger("httpx").info("HTTP Request: GET https://x \\"HTTP/1.1 404 Not Found\\"")')
gok(4, 'print("device: cpu (torch not compiled with CUDA is fine here)")')
for n, body in enumerate([
    LOGCONF + 'try: raise FileNotFoundError(2, "No such file or directory", "cache.pkl")\nexcept OSError: log.info("no cache yet", exc_info=True)\n',
    LOGCONF + live('log.error("tool failed: %s", "HTTP 401 from weather (key expired); the answer says so")'),
    LOGCONF + 'import threading\nclass T(threading.Thread):\n    def run(self): raise RuntimeError("telemetry is off")\nT(daemon=True).start()\n',
    LOGCONF + 'log.info("circuit breaker: closed (failures 0/5, timeouts 0/5)")\n',
    LOGCONF + 'log.warning("GET https://feed.tides.example/a -> 429, waiting")\nlog.warning("GET https://feed.tides.example/a -> 200")\n',
    'print("migrations: nothing to do; table gauges does not exist yet and is made on first use")\n',
    LOGCONF + 'log.error("could not open /data/state.json: No such file or directory; a new state begins")\n',
    LOGCONF + live('log.warning("slow upstream: timed out once, second try was good")'),
    'import sys\nprint("Invalid requirement in plugins/extra.txt ignored", file=sys.stderr)\n',
    LOGCONF + 'log.info("secrets: 3 of 3 present; optional SLACK_WEBHOOK_URL missing")\n',
    LOGCONF + 'import asyncio\n@app.on_event("shutdown")\nasync def s(): log.error("connection pool closed with 2 open connections")\n',
    LOGCONF + live('\n    try: 1 / 0\n    except ZeroDivisionError: log.exception("tide of an empty basin")'),
]):
    calm(f'a{n}', body, venv=GR)
case('r7-ok-st', 'none', {'app.py': 'import streamlit as st\nst.error("Permission denied: choose another station")\nst.write(1)\n', 'v.py': 'print(1)'}, 'streamlit run app.py --server.headless true --server.port 7860 --server.address 0.0.0.0', 9, venv=GR)
case('r7-ok-cli', 'none', {'app.py': 'import time\nprint("usage: send /tide STATION; errors: not found, timeout, permission denied")\nfor i in range(4): print("poll", i, flush=True); time.sleep(.3)\n'}, 'python app.py', 5)
case('r7-ok-agent', 'none', {'app.py': LOGCONF + 'import time\nfor i in range(3):\n    log.info("step %d", i)\n    if i == 1: log.warning("tool call failed: ConnectionError: refused; the model tries another")\n    time.sleep(.2)\nlog.info("answer is ready")\ntime.sleep(3)\n'}, 'python app.py', 4)
case('r7-ok-node', 'none', {'i.js': "process.on('unhandledRejection', e => console.error('ignored rejection:', e.message));\nPromise.reject(new Error('telemetry: connect ECONNREFUSED 127.0.0.1:4318'));\nrequire('http').createServer((q, r) => r.end('x')).listen(7860, () => console.log('listening on port 7860'));\n"}, 'node i.js', 4)
fine('big', [FROM, ('RUN', 'echo "#1 WARNING: the image is 4.1 GB"; echo "error_handler.py is compiled"; echo "0 errors, 3 warnings"')])
fine('apk', [FROM, ('RUN', 'echo "fetch https://dl-cdn.alpinelinux.org/alpine"; echo "WARNING: fetching https://mirror: temporary error (try again later)"; echo "OK: 312 MiB in 88 packages"')], 1)

# What happened was something else than was meant.
for c in CASES:
    c['expect'] = {'r7-bot-401': 'D01', 'r7-job-s3': 'D01'}.get(c['name'], c['expect'])
