# Written after the mends for set 5: other programs, other languages' ways, process managers.
exec((here / 'common.py').read_text())
SMALL = 'mkdir -p /small; mount -t tmpfs -o size=1m tmpfs /small; chmod 777 /small;'
JAVA = 'public class A { public static void main(String[] a) throws Exception { System.out.println("08:00:01.120 [main] INFO tide.App - starting"); %s } }\n'
def java(name, expect, body, **more): case(name, expect, {'A.java': JAVA % body}, 'java A.java', 25, **more)
def node(name, expect, body, cmd='node i.mjs', secs=10, **more): case(name, expect, {'i.mjs': body, **more.pop('files', {})}, cmd, secs, **more)
SUP = '[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile=/tmp/s.pid\n[program:web]\ncommand=%s\nstdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0\nredirect_stderr=true\nstartretries=2\n'

# process managers
case('r6-sup-import', 'D01', {'app.py': 'import pymupdf4llm\n', 's.conf': SUP % 'python app.py'}, 'supervisord -c s.conf', 12)
case('r6-sup-gone', 'EP03|CD03|D01', {'s.conf': SUP % 'gunicornx app:app'}, 'supervisord -c s.conf', 10)
case('r6-sup-env', 'D07', {'app.py': 'import os\nprint("worker boots", flush=True)\nQUEUE = os.environ["SQS_QUEUE_URL"]\n', 's.conf': SUP % 'python app.py'}, 'supervisord -c s.conf', 12)
case('r6-honcho-db', 'DB02', {'Procfile': 'web: python web.py\nworker: python -u worker.py\n', 'web.py': 'import psycopg\npsycopg.connect("postgresql://a:b@127.0.0.1/t")\n', 'worker.py': 'import time\nfor i in range(9):\n    print("tick", i); time.sleep(.3)\n'}, 'honcho start', 12)
case('r6-honcho-port', 'P04', {'Procfile': 'a: python -m http.server 7860\nb: sleep 1 && python -m http.server 7860\n'}, 'honcho start', 10)
case('r6-set-x', 'CD03|EP03', {'start.sh': '#!/bin/bash\nset -ex\ncp config.example.toml /tmp/config.toml\nexec python app.py\n'}, './start.sh')
case('r6-sh-source', 'EP03|CD03', {'start.sh': '#!/bin/bash\nset -e\n. /home/user/app/.env\nexec python app.py\n'}, './start.sh')
case('r6-sh-wait', 'DB02|D27|unknown', {'start.sh': '#!/bin/bash\nfor i in 1 2 3; do\n  (echo > /dev/tcp/127.0.0.1/5432) && break\n  echo "waiting for postgres ($i)"; sleep .3\ndone\n[ $i = 3 ] && { echo "postgres did not come up" >&2; exit 1; }\n'}, './start.sh')
case('r6-gunicorn-conf', 'CD03|EP03|CD02', {'app.py': 'def app(e, s): pass\n'}, 'gunicorn -c gunicorn.conf.prod.py app:app', 8)
case('r6-gunicorn-threads', 'RT08', {'app.py': 'import os, signal, threading, time\ndef app(e, s): pass\nthreading.Thread(target=lambda: (time.sleep(.7), os.kill(os.getpid(), 9))).start()\n'}, 'gunicorn -b 0.0.0.0:7860 --threads 4 app:app', 7)
case('r6-uvicorn-workers', 'D01', {'app.py': 'import aiocache_none\nfrom fastapi import FastAPI\napp = FastAPI()\n'}, 'timeout 9 uvicorn app:app --host 0.0.0.0 --port 7860 --workers 2', 12)
case('r6-hyper-mod', 'CD02|D01', {'x.py': ''}, 'hypercorn -b 0.0.0.0:7860 service.main:app', 8)

# settings, by ways of reading them
py('r6-hydra', 'D07', 'import hydra\nfrom omegaconf import DictConfig\n@hydra.main(version_base=None, config_path="conf", config_name="c")\ndef main(c: DictConfig): print(c.db.password)\nmain()\n', files={'conf/c.yaml': 'db:\n  password: ${oc.env:DB_PASSWORD}\n'})
py('r6-pydantic-nested', 'D07', 'from pydantic import BaseModel, SecretStr\nfrom pydantic_settings import BaseSettings\nclass S3(BaseModel):\n    key: SecretStr\n    secret: SecretStr\nclass Settings(BaseSettings, env_nested_delimiter="__"):\n    s3: S3\nprint("settings", flush=True)\nSettings()\n', venv=GR)
py('r6-authlib', 'D07|unknown', 'from starlette.config import Config\nfrom starlette.datastructures import Secret\nc = Config(environ={})\nprint("oauth", flush=True)\nGOOGLE = c("GOOGLE_CLIENT_SECRET", cast=Secret)\n')
py('r6-raise-own', 'D07', 'import os\nclass MissingConfig(Exception): pass\ndef need(n):\n    v = os.getenv(n)\n    if not v: raise MissingConfig(f"{n}: no value; add it to the Space\'s secrets")\n    return v\nprint("boot", flush=True)\nneed("WEBHOOK_SECRET")\n')
py('r6-group', 'D07', 'import asyncio, os\nasync def a(): return os.environ["FEED_TOKEN"]\nasync def b(): await asyncio.sleep(.1)\nasync def m():\n    async with asyncio.TaskGroup() as g:\n        g.create_task(a()); g.create_task(b())\nasyncio.run(m())\n')
py('r6-jwt-none', 'D07|unknown', 'import jwt, os\nprint("tokens", flush=True)\njwt.encode({"a": 1}, os.getenv("JWT_KEY"), algorithm="HS256")\n')
py('r6-openai-env', 'D07', LOGCONF + 'log.info("agent")\nfrom openai import AsyncOpenAI\nclient = AsyncOpenAI()\n')
node('r6-node-zod', 'D07', "const need = {PORT: 1, MAIL_FROM: 1, SMTP_HOST: 1};\nconst missing = Object.keys(need).filter(k => !process.env[k]);\nif (missing.length) { console.error('❌ Invalid environment variables:', Object.fromEntries(missing.map(k => [k, ['Required']]))); throw new Error('Invalid environment variables'); }\n")
node('r6-node-undefined', 'unknown|D07', "import crypto from 'node:crypto';\nconsole.log('sessions');\ncrypto.createHmac('sha256', process.env.COOKIE_SECRET).update('x');\n")
java('r6-java-null', 'D07|unknown', 'String u = System.getenv("FEED_URL"); new java.net.URL(java.util.Objects.requireNonNull(u, "FEED_URL is not set"));')

# packages
py('r6-plugin', 'D01', 'import importlib\nprint("plugins", flush=True)\nfor n in ("json", "tide_plugin_maps"): importlib.import_module(n)\n')
py('r6-entry', 'D01', 'from importlib.metadata import version\nprint("version", flush=True)\nversion("tide-core")\n')
py('r6-extra', 'D01', 'import pandas as pd\nprint("plot", flush=True)\npd.DataFrame({"a": [1]}).plot()\n')
py('r6-jinja', 'D01', 'from fastapi import FastAPI\nfrom fastapi.templating import Jinja2Templates\nt = Jinja2Templates(directory="t")\n', venv=pathlib.Path('/tmp/stokerfield/none'), cmd=f'{SLIM}/bin/python -c "import fastapi, sys; sys.modules[\'jinja2\'] = None; from fastapi.templating import Jinja2Templates; Jinja2Templates(directory=\'t\')"')
py('r6-odbc', 'D01|EP06|DB05', 'import pyodbc\nprint("odbc", flush=True)\npyodbc.connect("Driver={ODBC Driver 18 for SQL Server};Server=a;Database=b")\n')
py('r6-compat', 'MF04|D01', 'from flask import Markup\n')
py('r6-compat-attr', 'MF04|unknown', 'import numpy as np\nprint("grid", flush=True)\nx = np.float(1)\n')
py('r6-kwarg', 'MF04|unknown', 'import httpx\nhttpx.Client(proxies={})\n')
node('r6-node-missing', 'D01', "console.log('boot');\nimport 'dotenv/config';\n")
node('r6-node-cjs', 'D01', '', 'node i.cjs', files={'i.cjs': "const { Pool } = require('pg');\n"})
node('r6-node-named', 'unknown|D01|CD01', "import { readFileSink } from 'node:fs';\n")
ui('r6-gradio-attr', 'MF04|unknown', 'import gradio as gr\nwith gr.Blocks() as b:\n    gr.inputs.Textbox()\nb.launch()\n')
ui('r6-sentence', 'D01', 'from sentence_transformers import SentenceTransformer\nSentenceTransformer("a/b")\n')
ui('r6-tokenizer-lib', 'D01|unknown|D12', 'from transformers import LlamaTokenizer\nLlamaTokenizer.from_pretrained("/home/user/app/m")\n', net='own', files={'m/config.json': '{"model_type": "llama"}'})

# services
py('r6-ldap', 'D27', 'import ldap3\nprint("ldap", flush=True)\nldap3.Connection(ldap3.Server("127.0.0.1", port=3890), auto_bind=True)\n')
py('r6-paramiko', 'D27', 'import paramiko\nparamiko.SSHClient().connect("127.0.0.1", port=2222)\n')
py('r6-smtp-async', 'D27', 'import asyncio, aiosmtplib\nasyncio.run(aiosmtplib.send("x", sender="a@b.example", recipients=["c@d.example"], hostname="127.0.0.1", port=1025))\n')
py('r6-opensearch', 'D27|DB02', 'from opensearchpy import OpenSearch\nOpenSearch("http://127.0.0.1:9200", max_retries=0).info()\n')
py('r6-meili', 'D27|DB02', 'import meilisearch\nprint("search", flush=True)\nmeilisearch.Client("http://127.0.0.1:7700").get_indexes()\n')
py('r6-influx', 'D27|DB02', 'from influxdb_client import InfluxDBClient\nInfluxDBClient("http://127.0.0.1:8086", token="t", org="o", timeout=1000).query_api().query("x")\n', secs=15)
py('r6-exc-group-conn', 'D27', 'import asyncio\nasync def one(p): await asyncio.open_connection("127.0.0.1", p)\nasync def m():\n    async with asyncio.TaskGroup() as g:\n        for p in (4001, 4002): g.create_task(one(p))\nasyncio.run(m())\n')
py('r6-thread-fatal', 'DB02', LOGCONF + 'import redis, sys\ntry: redis.Redis().set("a", 1)\nexcept redis.ConnectionError as e:\n    log.fatal("cannot go on without the store: %s", e); sys.exit(70)\n')
py('r6-404', 'D34', fake(404, {'detail': 'Not Found'}) + 'import httpx\nhttpx.get("http://127.0.0.1:8099/v3/tides").raise_for_status()\n')
py('r6-429', 'D33', fake(429, {'detail': 'slow down'}) + 'import requests\nprint("feed", flush=True)\nrequests.get("http://127.0.0.1:8099/v1/tides").raise_for_status()\n')
py('r6-502', 'D29', fake(502, {}) + 'import urllib.request\nurllib.request.urlopen("http://127.0.0.1:8099/x")\n')
py('r6-anthropic-400', 'D34|L01|L03', fake(400, {'type': 'error', 'error': {'type': 'invalid_request_error', 'message': 'max_tokens: Field required'}}) + 'import anthropic\nanthropic.Anthropic(api_key="x", base_url="http://127.0.0.1:8099", max_retries=0).messages.create(model="m", max_tokens=1, messages=[{"role": "user", "content": "x"}])\n')
py('r6-openai-429', 'D33|L06', fake(429, {'error': {'message': 'Rate limit reached for gpt-4o', 'type': 'tokens', 'code': 'rate_limit_exceeded'}}) + 'import openai\nopenai.OpenAI(api_key="x", base_url="http://127.0.0.1:8099/v1", max_retries=0).responses.create(model="m", input="x")\n')
py('r6-oauth', 'D25', fake(401, {'error': 'invalid_client'}) + 'from authlib.integrations.httpx_client import OAuth2Client\nc = OAuth2Client("id", "secret", token_endpoint="http://127.0.0.1:8099/token")\nc.fetch_token("http://127.0.0.1:8099/token", grant_type="client_credentials")\n')
java('r6-java-refused', 'D27', 'java.net.http.HttpClient.newHttpClient().send(java.net.http.HttpRequest.newBuilder(java.net.URI.create("http://127.0.0.1:8081/")).build(), java.net.http.HttpResponse.BodyHandlers.ofString());')
java('r6-java-timeout', 'D29', 'java.net.ServerSocket s = new java.net.ServerSocket(8099); java.net.URLConnection c = new java.net.URL("http://127.0.0.1:8099/").openConnection(); c.setReadTimeout(900); c.getInputStream();')
java('r6-java-jdbc', 'D01|DB05', 'java.sql.DriverManager.getConnection("jdbc:postgresql://127.0.0.1/t");')
node('r6-node-timeout', 'D29', "import net from 'node:net';\nnet.createServer(() => {}).listen(8099, '127.0.0.1');\nawait fetch('http://127.0.0.1:8099/', { signal: AbortSignal.timeout(900) });\n")
node('r6-node-refused-pg', 'D27|DB02', "import net from 'node:net';\nconst s = net.connect(5432, '127.0.0.1');\ns.on('error', e => { console.error('database error'); throw e; });\n")
node('r6-node-dns', 'D12', "import dns from 'node:dns/promises';\nconsole.log(await dns.lookup('db.tides.example'));\n")
node('r6-node-reset', 'D29', "import net from 'node:net'; import http from 'node:http';\nnet.createServer(s => s.once('data', () => s.destroy())).listen(8099, '127.0.0.1', () => http.get('http://127.0.0.1:8099/'));\n")

# rights, files, memory, ports, code
java('r6-java-dir', 'D03', 'java.nio.file.Files.createDirectories(java.nio.file.Path.of("/var/cache/tide"));')
java('r6-java-port', 'EP05', 'new java.net.ServerSocket(443);', setup='sysctl -qw net.ipv4.ip_unprivileged_port_start=1024;')
java('r6-java-heap', 'RT08', 'int[][] x = new int[100000][]; for (int i = 0; ; i++) x[i % 100000] = new int[100000];', env={'JAVA_TOOL_OPTIONS': '-Xmx64m'})
java('r6-java-serve', 'P01', 'com.sun.net.httpserver.HttpServer s = com.sun.net.httpserver.HttpServer.create(new java.net.InetSocketAddress(8080), 0); s.start(); System.out.println("08:00:02.001 [main] INFO tide.App - Tomcat started on port 8080 (http) with context path \'/\'");', **LATE)
node('r6-node-emfile', 'D32', "import fs from 'node:fs';\nconst all = [];\nfor (let i = 0; i < 4000; i++) all.push(fs.openSync('/etc/hostname'));\n", 'ulimit -n 128; node i.mjs')
py('r6-emfile', 'D32', 'l = []\nprint("open", flush=True)\nwhile True: l.append(open("/etc/hostname"))\n', 'ulimit -n 64; python app.py')
py('r6-zip-pointer', 'MF01', 'import zipfile\nprint("corpus", flush=True)\nzipfile.ZipFile("c.zip").namelist()\n', files={'c.zip': 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n'})
py('r6-sqlite-pointer', 'MF01', 'import sqlite3\nsqlite3.connect("t.db").execute("select 1 from a")\n', files={'t.db': 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n'})
py('r6-joblib-pointer', 'MF01', 'import pickle, gzip\nwith gzip.open("m.pkl.gz") as f: pickle.load(f)\n', files={'m.pkl.gz': 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n'})
py('r6-rename', 'D03', 'import os\nopen("a", "w")\nos.replace("a", "/opt/a")\n')
py('r6-sock', 'EP05|D03', 'import socket\ns = socket.socket(); print("bind", flush=True)\ns.bind(("0.0.0.0", 25))\n', setup='sysctl -qw net.ipv4.ip_unprivileged_port_start=1024;')
py('r6-star-7861', 'P01', 'import uvicorn\nfrom starlette.applications import Starlette\nuvicorn.run(Starlette(), host="0.0.0.0", port=5000, log_config=None)\n', **LATE)
py('r6-sanic-main', 'P01|P02', 'from sanic import Sanic\napp = Sanic("t")\nif __name__ == "__main__": app.run(single_process=True)\n', secs=8, **LATE)
py('r6-nonlocal', 'CD01', 'import handlers\n', files={'handlers.py': 'def a():\n    nonlocal x\n    x = 1\n'})
py('r6-await', 'CD01', 'import asyncio\ndef m():\n    await asyncio.sleep(1)\n')
node('r6-node-await', 'CD01', '', 'node i.cjs', files={'i.cjs': "const fs = require('fs');\nconst t = await fs.promises.readFile('a');\n"})
java('r6-java-syntax', 'CD01|BD11|unknown', 'int x = "a";')
for n, body in enumerate(['from decimal import Decimal\nprint("sum", flush=True)\nDecimal("1,5")\n', 'import asyncio\nasync def m(): raise LookupError("no gauge near 53.5, 8.1")\nasyncio.run(m())\n', 'class Dam(Exception): pass\nprint("dam", flush=True)\nraise Dam("level is above the wall")\n', 'import struct\nstruct.unpack("<I", b"ab")\n', 'x = object()\nx.level\n']):
    py(f'r6-own-{n}', 'unknown', LOGCONF + 'log.info("start")\n' + body)
java('r6-own-java', 'unknown', 'Integer.parseInt("high");')
node('r6-own-node', 'unknown', "console.log('tides');\nJSON.parse('{level: 1}');\n")

# healthy
case('r6-ok-sup', 'none', {'app.py': FA, 's.conf': SUP % 'uvicorn app:app --host 0.0.0.0 --port 7860'}, 'supervisord -c s.conf & ' + VIS, 10, net='hole')
case('r6-ok-honcho', 'none', {'Procfile': 'web: uvicorn app:app --host 0.0.0.0 --port 7860\nworker: python -u w.py\n', 'app.py': FA, 'w.py': 'import time\nfor i in range(20):\n    print("job", i, "error rate 0.0, timeouts 0"); time.sleep(.4)\n'}, 'honcho start & ' + VIS, 10, net='hole')
for n, body in enumerate([
    LOGCONF + 'import asyncio\n@app.on_event("startup")\nasync def s():\n    async def poll():\n        for i in range(3):\n            try: raise ConnectionRefusedError(111, "Connection refused")\n            except OSError: log.exception("poll %d failed", i)\n            await asyncio.sleep(1)\n    app.t = asyncio.create_task(poll())\n',
    LOGCONF + 'log.warning("MAPS_API_KEY is missing: the map shows no satellite layer")\n',
    'print("checking permissions ... ok\\nchecking disk space ... ok\\nchecking api key ... ok")\n',
    LOGCONF + 'import warnings\nwarnings.warn("Failed to import soxr; resampling is slow", ImportWarning)\nlog.error("could not import soxr, scipy resamples")\n',
    STRUCT % 'JSONRenderer()' + 'log.warning("rate limit exceeded, slept", seconds=2)\nlog.info("synced", rows=8)\n',
    LOGURU % (True, True) + 'try: open("/data/cache/x")\nexcept OSError: logger.opt(exception=True).debug("cold cache")\nlogger.success("warm")\n',
    live('import urllib.request\n    try: urllib.request.urlopen("http://127.0.0.1:9/")\n    except OSError as e: print("upstream is away:", e)'),
    '@app.middleware("http")\nasync def m(r, n):\n    try: return await n(r)\n    finally: pass\n' + live('pass'),
    LOGCONF + 'log.info("environment variable check: 4 set, 1 missing (OPTIONAL_PROXY), which is fine")\n',
    LOGCONF + 'log.info("previous exit code was 137, state is restored from the snapshot")\n',
    'print("torch: no GPU, 2 threads on the CPU")\nprint("onnxruntime: CUDAExecutionProvider is not available; CPUExecutionProvider is used")\n',
    LOGCONF + 'log.debug("SELECT 1 took 0.4 ms; timeouts: statement 30 s, connect 5 s")\nlog.info("certificate verify failed counter is 0")\n',
    'import sys\nsys.stderr.write("fatal: no upstream configured for branch main (git describe), version unknown\\n")\n',
    LOGCONF + 'log.error("old worker was killed (SIGKILL) during the deployment before; new one begins")\n',
    'print("tests: 14 passed, 2 xfailed (MemoryError on 32 bit; PermissionError on Windows)")\n',
    JSONL + 'log.error("feed 3 of 9 is not there", extra={"error": "HTTP Error 404: Not Found"})\nlog.info("8 feeds")\n',
]):
    calm(str(n), body, venv=GR if 'structlog' not in body and 'loguru' not in body and 'jsonlogger' not in body else VENV)
case('r6-ok-bot', 'none', {'app.py': LOGCONF + 'import time\nlog.info("Bot started")\nfor i in range(4):\n    if i == 1: log.error("Exception while handling an update:\\nTraceback (most recent call last):\\n  File \\"bot.py\\", line 9, in on_message\\n    x = {}[\\"y\\"]\\nKeyError: \'y\'")\n    log.info("update %d", i); time.sleep(.3)\n'}, 'python app.py', 6)
case('r6-ok-train', 'none', {'app.py': 'import time\nfor e in range(4):\n    print(f"epoch {e} loss {1 / (e + 1):.3f} (nan 0, overflow 0, oom 0)", flush=True); time.sleep(.2)\n'}, 'python app.py', 5)
case('r6-ok-node-retry', 'none', {'i.mjs': "import http from 'node:http';\nfor (let i = 0; i < 2; i++) { try { await fetch('http://127.0.0.1:9/'); } catch (e) { console.warn('cache is not up:', e.cause?.code, '- retrying'); } }\nhttp.createServer((q, r) => r.end('x')).listen(7860, '0.0.0.0', () => console.log('http server on :7860'));\n"}, 'node i.mjs', 5)
case('r6-ok-java-warn', 'none', {'A.java': JAVA % 'try { throw new java.net.ConnectException("Connection refused"); } catch (java.net.ConnectException e) { System.out.println("08:00:01.300 [main] WARN tide.Cache - no cache: " + e); } com.sun.net.httpserver.HttpServer s = com.sun.net.httpserver.HttpServer.create(new java.net.InetSocketAddress(7860), 0); s.start(); System.out.println("08:00:02.001 [main] INFO tide.App - Started App in 1.4 seconds, port 7860");'}, 'java A.java', 8)
fine('wget', [FROM, ('RUN', 'echo "--2026-11-30 08:00:00--  https://models.tides.example/m.bin"; echo "Connecting to models.tides.example... failed: Connection timed out."; echo "Retrying."; echo "HTTP request sent, awaiting response... 200 OK"; echo "saved"')])
fine('pytest', [FROM, ('RUN', 'echo "E   ConnectionRefusedError: [Errno 111] Connection refused"; echo "=== 1 xfailed, 31 passed in 2.02s ==="')], 1)
fine('cargo', [FROM, ('RUN', 'echo "warning: unused variable: error"; echo "   Compiling thiserror v1.0"; echo "    Finished release [optimized] target(s) in 41.20s"')])

# What happened was something else than was meant, or nothing at all.
for c in CASES:
    c['expect'] = {'r6-rename': 'unknown'}.get(c['name'], c['expect'])
CASES[:] = [c for c in CASES if c['name'] not in ('r6-tokenizer-lib', 'r6-star-7861', 'r6-sanic-main')]
