# Written after the mends for set 7. VENV has what set 4 had.
exec((here / 'common.py').read_text())
L2 = 'import logging, sys\nlogging.basicConfig(level=logging.INFO, format="[%(levelname)s] %(name)s: %(message)s", stream=sys.stdout)\nlog = logging.getLogger("svc")\n'

# one thing wrong, told in many ways
py('r8-env-dict', 'D07', L2 + 'import os\nconf = {k: os.environ[k] for k in ("AMQP_URL", "AMQP_USER")}\n')
py('r8-env-click', 'D07', 'import click\n@click.command()\n@click.option("--dsn", envvar="SENTRY_DSN", required=True)\ndef main(dsn): print(dsn)\nmain()\n')
py('r8-env-argparse', 'D07|unknown', 'import argparse, os\np = argparse.ArgumentParser()\np.add_argument("--token", default=os.getenv("TIDE_TOKEN"))\na = p.parse_args()\nif not a.token: p.error("no token: set TIDE_TOKEN or give --token")\n')
py('r8-env-log-exit', 'D07', L2 + 'import os\nfor n in ("PGHOST", "PGPASSWORD"):\n    if n not in os.environ: log.error("%s is not in the environment", n)\nsys.exit(1)\n')
py('r8-env-redis', 'D07|DB05', 'import os, redis\nprint("cache", flush=True)\nredis.from_url(os.getenv("REDIS_URL"))\n')
py('r8-env-slack', 'D25|D07', fake(200, {'ok': False, 'error': 'not_authed'}) + 'from slack_sdk import WebClient\nWebClient(token="", base_url="http://127.0.0.1:8099/").auth_test()\n')
py('r8-env-flask', 'D07', 'import os\nfrom flask import Flask\ndef create_app():\n    app = Flask(__name__)\n    app.config.from_mapping(SECRET=os.environ["FLASK_SECRET"])\n    return app\n', 'gunicorn "app:create_app()" -b 0.0.0.0:7860')
case('r8-env-sh', 'D07', {'run.sh': '#!/bin/bash\nrequire() { [[ -n "${!1}" ]] || { echo "[entrypoint] required variable $1 is missing" >&2; exit 2; }; }\nrequire MODEL_NAME\nrequire MODEL_TOKEN\n'}, './run.sh')
py('r8-mod-mp', 'D01', 'import multiprocessing as m\ndef w(): import tide_fast\nif __name__ == "__main__":\n    p = m.Process(target=w); p.start(); p.join(); raise SystemExit(p.exitcode)\n')
py('r8-mod-str', 'D01', L2 + 'import importlib\ntry: importlib.import_module("backends.gpu")\nexcept ImportError as e:\n    log.critical("backend cannot be loaded: %s", e); sys.exit(1)\n')
py('r8-mod-celery', 'D01', 'from celery import Celery\nfrom celery_once import QueueOnce\napp = Celery("x")\n', 'celery -A app worker')
py('r8-mod-dl', 'D01|EP06', 'import ctypes\nctypes.cdll.LoadLibrary("libsndfile.so.1.0.99")\n')
py('r8-mod-node-in-py', 'EP06', 'import subprocess\nprint("render", flush=True)\nsubprocess.check_output(["pandoc", "a.md"])\n')
py('r8-mod-shell', 'EP06|EP03', 'import subprocess\nsubprocess.run("convertx a.png b.jpg", shell=True, check=True)\n')
py('r8-file-chdir', 'CD03', 'import os\nprint("data", flush=True)\nos.chdir("dataset")\n')
py('r8-file-listdir', 'CD03', 'import os\nfor f in os.listdir("plugins"): print(f)\n')
py('r8-file-log', 'CD03', L2 + 'from pathlib import Path\ntry: Path("schema.sql").read_text()\nexcept OSError as e:\n    log.critical("no schema: %s", e); sys.exit(1)\n')
py('r8-perm-sock', 'D03', 'import socket\ns = socket.socket(socket.AF_UNIX)\nprint("sock", flush=True)\ns.bind("/run/tide.sock")\n')
py('r8-perm-chmod', 'D03', 'import os\nos.chmod("/etc/hostname", 0o777)\n')
py('r8-perm-json', 'D03', STRUCT % 'JSONRenderer()' + 'import pathlib\ntry: pathlib.Path("/var/lib/tide.state").write_text("x")\nexcept OSError as e:\n    log.critical("state cannot be kept", error=repr(e)); sys.exit(1)\n')
py('r8-perm-home', 'D03', 'import os, pathlib\nprint("config", flush=True)\n(pathlib.Path.home() / ".config" / "tide").mkdir(parents=True)\n', env={'HOME': '/nonexistent'})
py('r8-full-log', 'RT09', L2 + 'try:\n    with open("/small/x", "w") as f: f.write("x" * 2000000)\nexcept OSError as e: log.critical("cannot write: %s", e); sys.exit(1)\n', setup='mkdir -p /small; mount -t tmpfs -o size=1m tmpfs /small; chmod 777 /small;')
py('r8-mem-loky', 'RT08', 'import os\nfrom concurrent.futures import ProcessPoolExecutor\ndef f(n): os.kill(os.getpid(), 9)\nif __name__ == "__main__":\n    with ProcessPoolExecutor(2) as p: list(p.map(f, [1]))\n')
case('r8-mem-sh', 'RT08', {'run.sh': '#!/bin/bash\npython -c "import os; os.kill(os.getpid(), 9)"\ncode=$?\n[ $code = 137 ] && echo "worker was killed (exit $code)"\nexit $code\n'}, './run.sh')
py('r8-dns-log', 'D12', L2 + 'import socket\ntry: socket.getaddrinfo("mqtt.tides.example", 1883)\nexcept OSError as e:\n    log.critical("broker: %s", e); sys.exit(1)\n')
py('r8-dns-kafka', 'D12|D27', 'from kafka import KafkaConsumer\nKafkaConsumer("t", bootstrap_servers="kafka.tides.example:9092")\n', secs=20)
py('r8-dns-celery', 'D12', 'from celery import Celery\napp = Celery("t", broker="amqp://rabbit:5672//")\napp.connection().ensure_connection(max_retries=1)\n', secs=15)
py('r8-dns-telegram', 'D11|D12', 'import asyncio\nfrom telegram import Bot\nasync def m(): await Bot("12345678:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0").get_me()\nprint("bot", flush=True)\nasyncio.run(m())\n', net='own')
py('r8-dns-discord', 'D12', 'import discord\ndiscord.Client(intents=discord.Intents.default()).run("MTIz.abc.def")\n', net='own', secs=12)
py('r8-ref-celery', 'DB02|D27', 'from celery import Celery\napp = Celery("t", broker="redis://127.0.0.1:6379/0")\n@app.task\ndef t(): pass\napp.conf.broker_connection_retry = False\napp.connection().ensure_connection(max_retries=1)\n', secs=15)
py('r8-ref-sanic', 'DB02|D27', 'from sanic import Sanic, text\nimport asyncpg\napp = Sanic("t")\n@app.before_server_start\nasync def s(app): app.ctx.db = await asyncpg.connect("postgresql://a:b@127.0.0.1/t")\n@app.get("/")\nasync def i(r): return text("x")\n', 'sanic app.app --host 0.0.0.0 --port 7860 --single-process', 9)
py('r8-ref-tornado', 'D27', 'import asyncio\nfrom tornado.httpclient import AsyncHTTPClient\nasync def m(): await AsyncHTTPClient().fetch("http://127.0.0.1:8002/")\nasyncio.run(m())\n')
py('r8-ref-litestar', 'DB02', 'from litestar import Litestar, get\nimport redis.asyncio as r\nasync def up(app): await r.Redis().ping()\n@get("/")\nasync def i() -> str: return "x"\napp = Litestar([i], on_startup=[up])\n', 'litestar run --host 0.0.0.0 --port 7860', 9)
py('r8-tls-smtp', 'D28', SELFSIGNED + 'import time, smtplib\ntime.sleep(.5)\nsmtplib.SMTP_SSL("127.0.0.1", 8443, context=ssl.create_default_context())\n', net='own')
py('r8-tls-ws', 'D28', SELFSIGNED + 'import time, asyncio, websockets\ntime.sleep(.5)\nasync def m():\n    async with websockets.connect("wss://127.0.0.1:8443"): pass\nasyncio.run(m())\n', net='own')
py('r8-tls-boto', 'D28', SELFSIGNED + 'import time, boto3\ntime.sleep(.5)\nboto3.client("s3", endpoint_url="https://127.0.0.1:8443", aws_access_key_id="a", aws_secret_access_key="b", region_name="x").list_buckets()\n', net='own', secs=20)
py('r8-to-tornado', 'D29', 'import asyncio, socket\nfrom tornado.httpclient import AsyncHTTPClient\ns = socket.create_server(("127.0.0.1", 8099))\nasync def m(): await AsyncHTTPClient().fetch("http://127.0.0.1:8099/", request_timeout=.8)\nasyncio.run(m())\n')
py('r8-to-wait', 'D29|unknown', 'import asyncio\nasync def load(): await asyncio.sleep(9)\nprint("warm up", flush=True)\nasyncio.run(asyncio.wait_for(load(), .5))\n')
py('r8-500-openai', 'D29|L06', fake(500, {'error': {'message': 'The server had an error', 'type': 'server_error'}}) + 'import openai\nopenai.OpenAI(api_key="x", base_url="http://127.0.0.1:8099/v1", max_retries=0).embeddings.create(model="e", input="x")\n')
py('r8-403-boto', 'D25', fake(403, {}) + 'import boto3\nboto3.client("s3", endpoint_url="http://127.0.0.1:8099", aws_access_key_id="a", aws_secret_access_key="b", region_name="x").list_objects_v2(Bucket="tides")\n', secs=15)
py('r8-404-boto', 'D34|CD03|unknown', fake(404, {}) + 'import boto3\nboto3.client("s3", endpoint_url="http://127.0.0.1:8099", aws_access_key_id="a", aws_secret_access_key="b", region_name="x").download_file("tides", "m.bin", "m.bin")\n', secs=15)
py('r8-pg-perm', 'DB07', 'from sqlalchemy import create_engine, text\ncreate_engine("postgresql+psycopg2://tide:tide@127.0.0.1/tide").connect().execute(text("select * from admin_only"))\n', net='db')
py('r8-pg-missing-db', 'DB03', L2 + 'import psycopg\ntry: psycopg.connect("postgresql://tide:tide@127.0.0.1/production")\nexcept psycopg.Error as e: log.critical("database: %s", e); sys.exit(1)\n', net='db')
py('r8-pg-auth-asyncpg', 'DB01', 'import asyncio, asyncpg\nfrom fastapi import FastAPI\nimport contextlib\n@contextlib.asynccontextmanager\nasync def life(app):\n    app.pool = await asyncpg.create_pool("postgresql://tide:no@127.0.0.1/tide")\n    yield\napp = FastAPI(lifespan=life)\n', 'uvicorn app:app --host 0.0.0.0 --port 7871', net='db')
py('r8-code-eof', 'CD01', 'import json\ndata = {\n  "a": [1, 2\n')
py('r8-code-bytes', 'CD01', 'x = 1\n  y = 2\n')
py('r8-code-walrus', 'CD01', 'print(f"{x!}")\n')
for n, body in enumerate(['import csv\nnext(csv.reader([]))\n', 'raise RuntimeError("model answered 3 labels, 5 are known")\n', 'from collections import deque\ndeque().popleft()\n', 'import uuid\nuuid.UUID("no")\n', 'b"\\xff".decode()\n']):
    py(f'r8-own-{n}', 'unknown', L2 + 'log.info("start")\n' + body)
py('r8-port-tornado', 'P04', 'import asyncio, tornado.web\nasync def m():\n    tornado.web.Application([]).listen(7860)\n    await asyncio.Event().wait()\nasyncio.run(m())\n', 'python -m http.server 7860 >/dev/null 2>&1 & sleep 1; python app.py')
py('r8-port-sanic', 'P04', 'from sanic import Sanic, text\napp = Sanic("t")\n@app.get("/")\nasync def i(r): return text("x")\n', 'python -m http.server 7860 >/dev/null 2>&1 & sleep 1; sanic app.app --host 0.0.0.0 --port 7860 --single-process', 8)
py('r8-port-lo', 'P02', 'from litestar import Litestar, get\n@get("/")\nasync def i() -> str: return "x"\napp = Litestar([i])\n', 'granian --interface asgi --port 7860 app:app', 7, **LATE)
py('r8-port-late', 'P01|P02', 'import bottle, logging\nbottle.run(host="0.0.0.0", port=9000, quiet=False)\n', **LATE)

# healthy
for n, (body, more) in enumerate([
    (L2 + 'log.error("could not reach the mirror (timed out), the main server is used")\n', {}),
    (L2 + 'import threading, time\ndef beat():\n    for i in range(5):\n        if i == 2: log.error("heartbeat failed: [Errno 111] Connection refused")\n        else: log.info("heartbeat %d", i)\n        time.sleep(.5)\nthreading.Thread(target=beat, daemon=True).start()\n', {}),
    (L2 + live('log.error("payment refused: card_declined (402)")'), {}),
    (L2 + live('log.warning("validation: field required: station")'), {}),
    (L2 + 'try: import torch_none\nexcept ImportError: log.error("torch is missing: neural mode is off")\n', {}),
    (L2 + 'log.info("access list: 3 denied, 40 allowed; permission denied pages: 3")\n', {}),
    (LOGURU % (True, False) + 'logger.error("no GPU, CPU mode")\nlogger.info("ready")\n', {}),
    (STRUCT % 'LogfmtRenderer()' + 'log.error("webhook failed", status=500, retry_in=30)\nlog.info("webhook ok", status=200)\n', {}),
    (JSONL + 'log.error("key rotated: old key is invalid now")\nlog.info("new key is used")\n', {}),
    ('import sys\nprint("** WARNING: connection is not using TLS (localhost) **", file=sys.stderr)\n', {}),
    (L2 + '@app.get("/tides")\ndef t():\n    import urllib.request\n    try: urllib.request.urlopen("http://127.0.0.1:9/")\n    except OSError:\n        log.exception("tide feed")\n        return {"cached": True}\n', {}),
    (L2 + 'log.info("recovered 3 jobs that were killed by the restart")\n', {}),
]):
    calm(f'{n}', body, **more)
case('r8-ok-discord', 'none', {'app.py': L2 + 'import time\nlog.info("Shard ID None has connected to Gateway (Session ID: x)")\nfor i in range(3):\n    log.warning("Shard ID None heartbeat blocked for more than 10 seconds.\\nLoop thread traceback (most recent call last):\\n  File \\"bot.py\\", line 3, in <module>")\n    log.info("message %d", i); time.sleep(.2)\n'}, 'python app.py', 5)
case('r8-ok-celery', 'none', {'app.py': L2 + 'import time\nfor i in range(3):\n    log.info("Task tides.fetch[%d] received", i)\n    if i == 0: log.warning("Task tides.fetch[0] retry: Retry in 3s: ConnectionError(\'refused\')")\n    log.info("Task tides.fetch[%d] succeeded in 0.2s", i); time.sleep(.2)\n'}, 'python app.py', 5)
case('r8-ok-flask', 'none', {'app.py': 'from flask import Flask, abort\napp = Flask(__name__)\n@app.get("/")\ndef i(): return "x"\n@app.get("/tides")\ndef t(): abort(403)\n'}, 'flask run --host 0.0.0.0 --port 7860 & ' + VIS, 8, net='hole')
case('r8-ok-granian', 'none', {'app.py': FA}, 'granian --interface asgi --host 0.0.0.0 --port 7860 app:app & ' + VIS, 8, net='hole')
case('r8-ok-sanic', 'none', {'app.py': 'from sanic import Sanic, text\napp = Sanic("t")\n@app.get("/")\nasync def i(r): return text("x")\n'}, 'sanic app.app --host 0.0.0.0 --port 7860 --single-process & ' + VIS, 8, net='hole')
case('r8-ok-litestar', 'none', {'app.py': 'from litestar import Litestar, get\n@get("/")\nasync def i() -> str: return "x"\napp = Litestar([i])\n'}, 'litestar run --host 0.0.0.0 --port 7860 & ' + VIS, 9, net='hole')
case('r8-ok-hyper', 'none', {'app.py': FA}, 'hypercorn -b 0.0.0.0:7860 app:app & ' + VIS, 8, net='hole')

# What happened was something else than was meant, or nothing at all.
for c in CASES:
    c['expect'] = {'r8-ref-celery': 'D01', 'r8-env-click': 'D07|unknown'}.get(c['name'], c['expect'])
CASES[:] = [c for c in CASES if c['name'] != 'r8-dns-kafka']
