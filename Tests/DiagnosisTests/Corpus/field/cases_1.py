# ---- packages
case('django-cors', 'D01', {'manage.py': '''
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
''', 'site_settings.py': 'SECRET_KEY="x"\nDEBUG=False\nALLOWED_HOSTS=["*"]\nINSTALLED_APPS=["django.contrib.staticfiles","corsheaders"]\nROOT_URLCONF="urls"\n', 'urls.py': 'urlpatterns=[]\n'}, 'python manage.py migrate && gunicorn -b 0.0.0.0:7860 wsgi')
case('flask-chain', 'D01', {'app.py': 'from flask import Flask\nfrom services.report import build\napp = Flask(__name__)\n', 'services/__init__.py': '', 'services/report.py': '''
try:
    import orjson as json
except ImportError:
    import json
try:
    from weasyprint import HTML
except ImportError as e:
    raise RuntimeError("the report service cannot render PDFs") from e
def build(): pass
'''}, 'gunicorn -w 2 -b 0.0.0.0:7860 app:app')
case('gradio-plotly', 'D01', {'noise.py': NOISE, 'app.py': 'import noise\nimport gradio as gr\nimport plotly.express as px\ngr.Interface(lambda x: x, "text", "text").launch()\n'}, 'python app.py', 14)
case('node-express', 'D01', {'server.js': "const express = require('express');\nconst app = express();\napp.listen(7860);\n", 'package.json': '{"name":"board","scripts":{"start":"node server.js"}}'}, 'npm start')
case('node-esm', 'D01', {'index.mjs': "import Fastify from 'fastify'\nimport { readFile } from 'node:fs/promises'\nconsole.log(Fastify, readFile)\n"}, 'node index.mjs')
case('ok-slim-jinja', 'none', {'app.py': 'from fastapi import FastAPI\nfrom fastapi.templating import Jinja2Templates\napp = FastAPI()\nt = Jinja2Templates(directory="templates")\n'}, UV, venv=SLIM)
case('slim-email', 'D01', {'app.py': 'from fastapi import FastAPI\nfrom pydantic import BaseModel, EmailStr\napp = FastAPI()\nclass U(BaseModel):\n    mail: EmailStr\n'}, UV, venv=SLIM)
case('slim-multipart', 'D01', {'app.py': 'from fastapi import FastAPI, UploadFile\napp = FastAPI()\n@app.post("/u")\ndef u(file: UploadFile): return file.filename\n'}, UV, venv=SLIM)
case('slim-pgdriver', 'D01', {'app.py': 'from fastapi import FastAPI\nfrom sqlalchemy import create_engine\nengine = create_engine("postgresql+psycopg2://app:pw@db/tide", pool_pre_ping=True)\napp = FastAPI()\n'}, UV, venv=SLIM)
case('slim-excel', 'D01', {'app.py': 'import pandas as pd\nprint("reading stations.xlsx")\nopen("s.xlsx","wb").write(b"PK\\x03\\x04"+b"0"*64)\ndf = pd.read_excel("s.xlsx", engine="openpyxl")\n'}, 'python app.py', venv=SLIM)
case('slim-parquet', 'D01', {'app.py': 'import pandas as pd\nprint("reading", flush=True)\nopen("s.parquet","wb").write(b"PAR1")\ndf = pd.read_parquet("s.parquet")\n'}, 'python app.py', venv=SLIM)
case('slim-httpx', 'D01', {'app.py': 'from fastapi.testclient import TestClient\n'}, 'python app.py', venv=SLIM)
case('opencv-gl', 'D01', {'app.py': 'print("loading detector")\nimport ctypes\nctypes.CDLL("libGL.so.1")\n', 'cv2.py': 'raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")\n', 'main.py': 'import sys\nsys.path.insert(0, ".")\nprint("loading detector")\nimport cv2\n'}, 'python main.py')
case('celery-pycurl', 'D01', {'tasks.py': 'from celery import Celery\nimport sendgrid\napp = Celery("tasks", broker="memory://")\n'}, 'celery -A tasks worker --loglevel=INFO')
case('optional-then-missing', 'D01', {'app.py': LOGCONF + '''
try:
    import flash_attn
except ImportError:
    log.warning("flash-attn is not installed, attention will be slower", exc_info=True)
log.info("loading index")
from rank_bm25 import BM25Okapi
'''}, 'python app.py')
case('two-procs-worker-missing', 'D01', {'web.sh': 'echo web: starting\nfor i in 1 2 3 4 5; do echo "10.16.4.71 - - [30/Nov/2026:08:00:0$i +0000] \\"GET /health HTTP/1.1\\" 503 19"; sleep 0.4; done\n', 'worker.py': 'print("worker: connecting")\nimport time; time.sleep(0.7)\nimport arq\n', 'start.sh': '#!/bin/bash\nbash web.sh &\npython worker.py\nkill $!\n'}, './start.sh')
# ---- settings
case('settings-fastapi', 'D07', {'config.py': '''
from pydantic import SecretStr, PostgresDsn
from pydantic_settings import BaseSettings, SettingsConfigDict
class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env")
    app_name: str = "tide"
    database_url: PostgresDsn
    jwt_secret: SecretStr
settings = Settings()
''', 'app.py': 'from fastapi import FastAPI\nfrom config import settings\napp = FastAPI(title=settings.app_name)\n'}, UV)
case('env-lifespan', 'D07', {'app.py': '''
import os, contextlib
from fastapi import FastAPI
@contextlib.asynccontextmanager
async def lifespan(app):
    app.state.key = os.environ["STRIPE_SECRET_KEY"]
    yield
app = FastAPI(lifespan=lifespan)
'''}, UV)
case('django-secret', 'D07', {'app.py': 'import os\nfrom django.conf import settings\nsettings.configure(SECRET_KEY=os.environ.get("DJANGO_SECRET_KEY",""), ROOT_URLCONF="x")\nimport django\ndjango.setup()\nprint(settings.SECRET_KEY)\nfrom django.core.wsgi import get_wsgi_application\napp = get_wsgi_application()\nfrom django.core.signing import Signer\nSigner()\n'}, 'python app.py')
case('discord-none', 'D07', {'bot.py': 'import os, discord\nintents = discord.Intents.default()\nclient = discord.Client(intents=intents)\nclient.run(os.getenv("DISCORD_TOKEN"))\n'}, 'python bot.py')
case('telegram-token', 'D07', {'bot.py': 'import os\nfrom telegram.ext import Application\napp = Application.builder().token(os.getenv("BOT_TOKEN", "")).build()\n'}, 'python bot.py')
case('bash-unbound', 'D07', {'start.sh': '#!/bin/bash\nset -euo pipefail\necho "[entrypoint] preparing"\nexport DSN="$DATABASE_URL?sslmode=require"\nexec python app.py\n'}, './start.sh')
case('bash-required', 'D07', {'start.sh': '#!/bin/bash\n: "${QDRANT_URL:?must be set, see README}"\nexec python app.py\n'}, './start.sh')
case('node-throw', 'D07', {'index.js': "const need = n => { if (!process.env[n]) throw new Error(`Missing required environment variable: ${n}`); return process.env[n]; };\nconsole.log('boot v3.2.1');\nneed('NODE_ENV_NAME');\n"}, 'node index.js')
case('boto-creds', 'D07', {'app.py': 'import boto3\ns3 = boto3.client("s3", region_name="eu-west-1")\nprint("listing backups")\ns3.list_objects_v2(Bucket="x")\n'}, 'python app.py', 14)
case('sqlalchemy-none', 'D07', {'app.py': 'import os\nfrom fastapi import FastAPI\nfrom sqlalchemy import create_engine\nengine = create_engine(os.getenv("DATABASE_URL"))\napp = FastAPI()\n'}, UV)
case('sys-exit', 'D07', {'app.py': 'import os, sys\nprint("tide 2.1")\nif not os.getenv("HF_TOKEN"):\n    sys.exit("FATAL: HF_TOKEN is not set. Add it to the secrets of the Space.")\n'}, 'python app.py')
case('decouple', 'D07', {'app.py': 'from decouple import config\nprint("start")\nKEY = config("PINECONE_API_KEY")\n'}, 'python app.py')
case('anthropic-none', 'D07', {'app.py': 'import anthropic\nc = anthropic.Anthropic()\nprint("asking")\nc.messages.create(model="m", max_tokens=5, messages=[{"role":"user","content":"x"}])\n'}, 'python app.py', 12)
case('flask-session', 'D07', {'app.py': 'from flask import Flask, session\napp = Flask(__name__)\n@app.get("/")\ndef index():\n    session["n"] = session.get("n", 0) + 1\n    return "ok"\n@app.get("/health")\ndef h(): return "ok"\n'}, 'gunicorn -b 0.0.0.0:7860 --access-logfile - app:app & ' + VISIT + '; curl -s -o /dev/null http://10.9.0.1:7860/health', 8, net='hole')
case('supabase-key', 'D07', {'app.py': 'import os\nURL = os.environ.get("SUPABASE_URL")\nKEY = os.environ.get("SUPABASE_KEY")\nif not URL or not KEY:\n    raise RuntimeError("SUPABASE_URL and SUPABASE_KEY must be set")\n'}, 'python app.py')
# ---- database
PG = 'postgresql://tide:tide@127.0.0.1:5432/tide'
case('pg-password', 'DB01', {'app.py': '''
import contextlib
from fastapi import FastAPI
from sqlalchemy import create_engine, text
engine = create_engine("postgresql+psycopg2://tide:wrong@127.0.0.1:5432/tide")
@contextlib.asynccontextmanager
async def lifespan(app):
    with engine.connect() as c: c.execute(text("select 1"))
    yield
app = FastAPI(lifespan=lifespan)
'''}, UV, net='db')
case('asyncpg-password', 'DB01', {'app.py': '''
import asyncio, asyncpg
async def main():
    print("opening the pool", flush=True)
    pool = await asyncpg.create_pool("postgresql://tide:wrong@127.0.0.1:5432/tide", min_size=2)
asyncio.run(main())
'''}, 'python app.py', net='db')
case('pg-role', 'DB01', {'app.py': 'import psycopg\npsycopg.connect("postgresql://nobody_here:x@127.0.0.1:5432/tide")\n'}, 'python app.py', net='db')
case('pg-nodb', 'DB03', {'app.py': 'import psycopg2\nprint("migrating")\npsycopg2.connect("postgresql://tide:tide@127.0.0.1:5432/tides")\n'}, 'python app.py', net='db')
case('asyncpg-nodb', 'DB03', {'app.py': '''
import contextlib, asyncpg
from fastapi import FastAPI
@contextlib.asynccontextmanager
async def lifespan(app):
    app.state.pool = await asyncpg.create_pool("postgresql://tide:tide@127.0.0.1:5432/gezeiten")
    yield
app = FastAPI(lifespan=lifespan)
'''}, UV, net='db')
case('pg-notable', 'DB03', {'app.py': '''
from fastapi import FastAPI
from sqlalchemy import create_engine, text
engine = create_engine("postgresql+psycopg://tide:tide@127.0.0.1:5432/tide")
app = FastAPI()
@app.get("/")
def root():
    with engine.connect() as c: return [dict(r._mapping) for r in c.execute(text("select * from readings order by at desc limit 5"))]
@app.get("/health")
def health(): return {"ok": True}
'''}, UV + ' & sleep 4; for i in 1 2; do curl -s -o /dev/null http://10.9.0.1:7860/health; curl -s -o /dev/null http://10.9.0.1:7860/; done; curl -s -o /dev/null http://10.9.0.1:7860/health', 8, net='db', setup='true;')
case('sa-greenlet', 'D01', {'app.py': '''
import contextlib
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
engine = create_async_engine("postgresql+asyncpg://tide:tide@127.0.0.1:5999/tide")
@contextlib.asynccontextmanager
async def lifespan(app):
    async with engine.begin() as c: await c.execute(text("select 1"))
    yield
app = FastAPI(lifespan=lifespan)
'''}, UV)
case('pg-refused-django', 'DB02', {'manage.py': '''
import sys
from django.conf import settings
settings.configure(SECRET_KEY="x", INSTALLED_APPS=["django.contrib.contenttypes","django.contrib.auth"], DATABASES={"default":{"ENGINE":"django.db.backends.postgresql","HOST":"127.0.0.1","PORT":"5432","NAME":"tide","USER":"tide","PASSWORD":"x"}})
import django; django.setup()
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
''', 'start.sh': '#!/bin/sh\nset -e\necho "Applying migrations"\npython manage.py migrate --noinput\nexec gunicorn wsgi -b 0.0.0.0:7860\n'}, './start.sh')
case('redis-refused', 'DB02', {'app.py': '''
import contextlib, redis.asyncio as redis
from fastapi import FastAPI
@contextlib.asynccontextmanager
async def lifespan(app):
    app.state.r = redis.from_url("redis://localhost:6379/0")
    await app.state.r.ping()
    yield
app = FastAPI(lifespan=lifespan)
'''}, UV)
case('mongo-refused', 'DB02', {'app.py': 'from pymongo import MongoClient\nc = MongoClient("mongodb://localhost:27017", serverSelectionTimeoutMS=1500)\nprint("collections:", c.tide.list_collection_names())\n'}, 'python app.py')
case('mysql-refused', 'DB02', {'app.py': 'import mysql.connector\nprint("connect")\nmysql.connector.connect(host="127.0.0.1", user="a", password="b", database="c")\n'}, 'python app.py')
case('node-pg-refused', 'DB02', {'index.js': "const net = require('net');\nconsole.log('[db] connecting to postgres');\nnet.connect(5432, '127.0.0.1');\n"}, 'node index.js')
case('celery-redis', 'DB02', {'tasks.py': 'from celery import Celery\napp = Celery("tasks", broker="redis://localhost:6379/0", broker_connection_retry_on_startup=False)\napp.conf.broker_connection_retry=False\n'}, 'celery -A tasks worker --loglevel=INFO --concurrency=1', 12)
case('pg-ssl', 'DB04', {'app.py': 'import psycopg2\nprint("connecting with TLS")\npsycopg2.connect("postgresql://tide:tide@127.0.0.1:5432/tide?sslmode=require")\n'}, 'python app.py', net='db')
case('sa-greenlet-sslmode', 'D01', {'app.py': '''
import asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
e = create_async_engine("postgresql+asyncpg://tide:tide@127.0.0.1:5432/tide?sslmode=require")
async def main():
    async with e.connect() as c: await c.execute(text("select 1"))
asyncio.run(main())
'''}, 'python app.py', net='db')
case('pg-hba', 'DB04', {'app.py': '''
import contextlib, psycopg
from fastapi import FastAPI
@contextlib.asynccontextmanager
async def lifespan(app):
    app.db = await psycopg.AsyncConnection.connect("postgresql://secure:tide@127.0.0.1:5432/tide")
    yield
app = FastAPI(lifespan=lifespan)
'''}, UV, net='db')
case('pg-full', 'DB06', {'app.py': '''
import psycopg2
held = []
for n in range(40):
    held.append(psycopg2.connect("postgresql://tide:tide@127.0.0.1:5432/tide"))
    print("worker", n, "connected")
'''}, 'python app.py', net='db')
case('pg-denied', 'DB07', {'app.py': '''
import asyncio, asyncpg
async def main():
    c = await asyncpg.connect("postgresql://tide:tide@127.0.0.1:5432/tide")
    print(await c.fetch("select * from admin_only"))
asyncio.run(main())
'''}, 'python app.py', net='db')
case('pg-create-denied', 'DB07', {'app.py': 'from sqlalchemy import create_engine, text\ne = create_engine("postgresql+psycopg2://tide:tide@127.0.0.1:5432/tide")\nwith e.begin() as c: c.execute(text("create table public.x (id int)"))\n'}, 'python app.py', net='db')
case('sa-postgres', 'DB05', {'app.py': 'from flask import Flask\nfrom sqlalchemy import create_engine\nengine = create_engine("postgres://tide:tide@ep-x.neon.tech/tide")\napp = Flask(__name__)\n'}, 'gunicorn -b 0.0.0.0:7860 app:app')
case('sa-empty', 'DB05', {'app.py': 'from sqlalchemy import create_engine\ncreate_engine("tide.db")\n'}, 'python app.py')
case('pg-unreachable', 'D09', {'app.py': 'import psycopg2\npsycopg2.connect("host=2a05:d018:135e:16c7::1 port=5432 dbname=postgres user=postgres password=x connect_timeout=5")\n'}, 'python app.py')
case('asyncpg-unreachable', 'D09', {'app.py': 'import asyncio, asyncpg\nasyncio.run(asyncpg.connect("postgresql://postgres:x@[2a05:d018:135e:16c7::1]:5432/postgres"))\n'}, 'python app.py')
case('pg-timeout', 'D10', {'app.py': '''
import contextlib, psycopg2
from fastapi import FastAPI
@contextlib.asynccontextmanager
async def lifespan(app):
    psycopg2.connect("postgresql://tide:x@10.9.0.7:5432/tide?connect_timeout=3")
    yield
app = FastAPI(lifespan=lifespan)
'''}, UV, 10, net='hole')
case('smtp-timeout', 'D10', {'app.py': 'import smtplib\nprint("sending the daily mail")\nsmtplib.SMTP("10.9.0.8", 587, timeout=3)\n'}, 'python app.py', 8, net='hole')
case('redis-timeout', 'D10', {'app.py': 'import redis\nr = redis.Redis(host="10.9.0.9", port=6379, socket_connect_timeout=2, retry=None)\nr.ping()\n'}, 'python app.py', 14, net='hole')
case('dns-requests', 'D12', {'app.py': 'import requests\nprint("fetching tides")\nrequests.get("https://api.tides.example/v1/stations", timeout=5).json()\n'}, 'python app.py')
case('dns-node', 'D12', {'i.mjs': "console.log('fetching config');\nconst r = await fetch('https://config.tides.example/app.json');\n"}, 'node i.mjs')
case('dns-pg', 'D12', {'app.py': 'import psycopg\nprint("db")\npsycopg.connect("postgresql://a:b@ep-cool-sun-123.eu-central-1.aws.neon.tech/tide?sslmode=require", connect_timeout=5)\n'}, 'python app.py', 10)
# ---- files and rights
case('data-make', 'D03|D04', {'app.py': 'import os\nfrom fastapi import FastAPI\nos.makedirs("/data/uploads", exist_ok=True)\napp = FastAPI()\n'}, UV)
case('home-cache', 'D03', {'app.py': 'import os, pathlib\nos.environ["HOME"] = "/"\nfrom huggingface_hub import constants\np = pathlib.Path("/.cache/huggingface/hub")\np.mkdir(parents=True)\n'}, 'python app.py')
case('nltk-root', 'D03', {'app.py': 'import nltk, os\nos.makedirs("/usr/share/nltk_data/corpora")\n'}, 'python app.py')
case('node-eacces', 'D03', {'s.js': "const fs = require('fs');\nconsole.log('saving state');\nfs.writeFileSync('/usr/share/state.json', '{}');\n"}, 'node s.js')
case('node-promise-eacces', 'D03', {'s.mjs': "import { mkdir } from 'node:fs/promises';\nconsole.log('cache folder');\nawait mkdir('/var/cache/board');\n"}, 'node s.mjs')
TEMPS = 'client_body_temp_path /tmp/nb; proxy_temp_path /tmp/np; fastcgi_temp_path /tmp/nf; uwsgi_temp_path /tmp/nu; scgi_temp_path /tmp/ns; '
NGINX = '''
daemon off;
error_log stderr info;
events {}
http { access_log off; server { listen %s; location / { return 200 "ok"; } } }
'''
case('nginx-pid', 'D03', {'nginx.conf': NGINX % '7860'}, 'nginx -c /home/user/app/nginx.conf')
case('nginx-80', 'EP05', {'nginx.conf': ('pid /tmp/n1.pid;' + NGINX % '80').replace('access_log', TEMPS + 'access_log')}, 'nginx -c /home/user/app/nginx.conf', setup='sysctl -qw net.ipv4.ip_unprivileged_port_start=1024;')
case('py-80', 'EP05', {'app.py': FA}, 'uvicorn app:app --host 0.0.0.0 --port 80', setup='sysctl -qw net.ipv4.ip_unprivileged_port_start=1024;')
case('node-80', 'EP05', {'s.js': "require('http').createServer((q, r) => r.end('ok')).listen(80);\n"}, 'node s.js', setup='sysctl -qw net.ipv4.ip_unprivileged_port_start=1024;')
case('sqlite-open', 'D03', {'app.py': 'from sqlalchemy import create_engine, text\ne = create_engine("sqlite:////var/lib/tide/tide.db")\nwith e.connect() as c: c.execute(text("select 1"))\n'}, 'python app.py')
case('sqlite-readonly', 'D03', {'app.py': 'import sqlite3\nc = sqlite3.connect("/home/user/ro/t.db")\nc.execute("create table t(a)")\n'}, 'python app.py', setup='mkdir /home/user/ro; sqlite3 /home/user/ro/t.db "create table x(a)"; chmod 755 /home/user/ro;')
case('logfile', 'D03', {'app.py': 'import logging\nlogging.basicConfig(filename="/var/log/tide/app.log")\n'}, 'python app.py', setup='mkdir -p /var/log/tide;')
case('sqlite-locked', 'D05', {'app.py': '''
import sqlite3, threading, time
a = sqlite3.connect("/data/tide.db", isolation_level=None, timeout=0.2); a.execute("create table if not exists t(a)"); a.execute("begin exclusive")
print("using database /data/tide.db", flush=True)
b = sqlite3.connect("/data/tide.db", timeout=0.2)
b.execute("insert into t values (1)")
'''}, 'python app.py', setup='mkdir -p /tmp/stokerfield/data; mkdir -p /data; mount -t tmpfs tmpfs /data; chmod 777 /data;')
case('disk-full', 'RT09', {'app.py': 'import shutil, os\nprint("downloading model", flush=True)\nwith open("/small/model.bin", "wb") as f:\n    for _ in range(100): f.write(b"x" * 65536)\n'}, 'python app.py', setup='mkdir -p /small; mount -t tmpfs -o size=1m tmpfs /small; chmod 777 /small;')
case('sqlite-full', 'RT09', {'app.py': 'import sqlite3\nc = sqlite3.connect("/small/t.db")\nc.execute("create table t(a)")\nfor i in range(2000): c.execute("insert into t values (?)", ("x" * 4000,))\nc.commit()\n'}, 'python app.py', setup='mkdir -p /small; mount -t tmpfs -o size=1m tmpfs /small; chmod 777 /small;')
# ---- memory
case('py-memory', 'RT08', {'app.py': 'print("building index", flush=True)\nx = []\nwhile True: x.append(bytearray(10_000_000))\n'}, 'ulimit -v 400000; python app.py')
case('np-memory', 'RT08', {'app.py': 'import numpy as np\nprint("embedding 48000 documents", flush=True)\na = np.ones((48000, 4096), dtype=np.float64)\n'}, 'ulimit -v 1400000; OPENBLAS_NUM_THREADS=1 python app.py')
case('node-heap', 'RT08', {'s.js': "console.log('indexing');\nconst a = [];\nfor (;;) a.push({ s: 'x'.repeat(100) + a.length, l: [1, 2, 3] });\n"}, 'node --max-old-space-size=30 s.js', 20)
case('bash-killed', 'RT08', {'app.py': 'import os, signal, time\nprint("Loading checkpoint shards:  50%|#####     | 1/2", flush=True)\ntime.sleep(1)\nos.kill(os.getpid(), signal.SIGKILL)\n', 'start.sh': '#!/bin/bash\necho "starting"\npython app.py\necho "app ended with $?"\n'}, './start.sh')
case('gunicorn-sigkill', 'RT08', {'app.py': '''
import os, signal, threading, time
from flask import Flask
app = Flask(__name__)
@app.get("/")
def i(): return "ok"
def die():
    time.sleep(1.5); os.kill(os.getpid(), signal.SIGKILL)
threading.Thread(target=die).start()
'''}, 'gunicorn -w 1 -b 0.0.0.0:7860 app:app', 6)
case('java-heap', 'RT08', {'M.java': 'import java.util.*;\npublic class M { public static void main(String[] a) { System.out.println("Started M in 1.2 seconds"); List<long[]> l = new ArrayList<>(); while (true) l.add(new long[1000000]); } }\n'}, 'java -Xmx40m M.java', 20)
# ---- ports
case('p-gunicorn', 'P02', {'app.py': 'from flask import Flask\napp = Flask(__name__)\n'}, 'gunicorn app:app', 5, stage='APP_STARTING')
case('p-flask', 'P02', {'app.py': 'from flask import Flask\napp = Flask(__name__)\n'}, 'flask run', 5)
case('p-django', 'P02', {'manage.py': 'import sys\nfrom django.conf import settings\nsettings.configure(SECRET_KEY="x", DEBUG=True, ROOT_URLCONF="u", INSTALLED_APPS=["django.contrib.staticfiles"], STATIC_URL="/s/")\nfrom django.core.management import execute_from_command_line\nexecute_from_command_line(sys.argv)\n', 'u.py': 'urlpatterns=[]\n'}, 'python manage.py runserver --noreload', 6, stage='RUNTIME_ERROR', message='Launch timed out, workload was not healthy after 30 min')
case('p-aiohttp', 'P01', {'app.py': 'from aiohttp import web\napp = web.Application()\nweb.run_app(app)\n'}, 'python app.py', 5)
case('p-hypercorn', 'P02', {'app.py': FA}, 'hypercorn app:app', 6, stage='APP_STARTING')
case('p-streamlit', 'P01', {'app.py': 'import streamlit as st\nst.write("hi")\n'}, 'streamlit run app.py --server.headless true', 9, stage='APP_STARTING')
case('p-httpserver', 'P01', {'index.html': 'hi'}, 'python -m http.server', 4)
case('p-node3000', 'P01', {'s.js': "const port = process.env.PORT || 3000;\nrequire('http').createServer((q, r) => r.end('ok')).listen(port, () => console.log(`Server listening on port ${port}`));\n"}, 'node s.js', 4, stage='RUNTIME_ERROR', message='Launch timed out, workload was not healthy after 30 min')
case('p-node-example', 'P01', {'s.js': "require('http').createServer((q, r) => r.end('ok')).listen(3000, () => console.log('Example app listening on port 3000'));\n"}, 'node s.js', 4, stage='APP_STARTING')
case('p-appport', 'P01', {'app.py': FA}, UV, 5, port=8000, stage='APP_STARTING')
case('p-litestar', 'P02', {'app.py': 'from litestar import Litestar, get\n@get("/")\nasync def i() -> str: return "ok"\napp = Litestar([i])\n'}, 'litestar run', 8, stage='APP_STARTING')
case('p-gradio-local', 'P02', {'app.py': 'import gradio as gr\nwith gr.Blocks() as demo: gr.Markdown("x")\ndemo.launch(server_name="127.0.0.1")\n'}, 'python app.py', 14, stage='APP_STARTING')
case('p-uvicorn-twice', 'P04', {'app.py': FA}, 'uvicorn app:app --port 7860 --host 0.0.0.0 --log-level critical & sleep 3; ' + UV, 7)
case('p-gunicorn-inuse', 'P04', {'app.py': 'from flask import Flask\napp = Flask(__name__)\n'}, 'python -m http.server 7860 >/dev/null 2>&1 & sleep 1; gunicorn -b 0.0.0.0:7860 app:app', 8)
case('p-node-inuse', 'P04', {'s.js': "require('http').createServer((q, r) => r.end('ok')).listen(7860);\n"}, 'python -m http.server 7860 >/dev/null 2>&1 & sleep 1; node s.js', 6)
case('p-nginx-inuse', 'P04', {'nginx.conf': ('pid /tmp/n2.pid;' + NGINX % '7860').replace('access_log', TEMPS + 'access_log')}, 'python -m http.server 7860 >/dev/null 2>&1 & sleep 1; nginx -c /home/user/app/nginx.conf', 7)
case('p-streamlit-inuse', 'P04', {'app.py': 'import streamlit as st\n'}, 'python -m http.server 7860 >/dev/null 2>&1 & sleep 1; streamlit run app.py --server.port 7860 --server.headless true', 9)
# ---- entry
case('crlf-python', 'EP01', {'run.py': '#!/usr/bin/env python3\r\nprint(1)\r\n', 'start.sh': '#!/bin/sh\nchmod +x run.py; exec ./run.py\n'}, './start.sh')
case('crlf-set', 'EP01', {'start.sh': '#!/bin/bash\r\nset -e\r\ncd /home/user/app\r\nexec python app.py\r\n'}, 'bash start.sh')
case('exec-format', 'EP02', {'start.sh': '#!/bin/bash\nexec ./server\n', 'server': b'\x7fELF\x02\x01\x01' + b'\0' * 9 + b'\x02\0\xb7\0' + b'\0' * 100}, 'chmod +x server; ./start.sh')
case('exec-missing', 'EP03', {'start.sh': '#!/bin/sh\necho "launching"\nexec serve-model --port 7860\n'}, './start.sh')
case('bash-cmd', 'EP03', {'start.sh': '#!/bin/bash\nset -e\necho "collectstatic"\npoetry run uvicorn app:app\n'}, './start.sh')
case('noexec', 'EP04', {'noexec-entry.sh': '#!/bin/sh\necho hi\n'}, 'bash -c "exec ./noexec-entry.sh"')
case('py-nofile', 'EP03|CD03', {'main.py': ''}, 'python server.py')
case('node-nofile', 'EP03|CD03', {'index.js': ''}, 'node dist/server.js')
# ---- code
case('py-syntax', 'CD01', {'app.py': 'from fastapi import FastAPI\nfrom routes import router\n', 'routes.py': 'def a(:\n    pass\n'}, UV)
case('py-indent', 'CD01', {'app.py': 'import os\ndef main():\n    x = 1\n  y = 2\nmain()\n'}, 'python app.py')
case('py-merge', 'CD01', {'app.py': 'x = 1\n<<<<<<< HEAD\nx = 2\n=======\nx = 3\n>>>>>>> main\n'}, 'python app.py')
case('node-syntax', 'CD01', {'s.js': "const a = {\n  b: 1,,\n};\n"}, 'node s.js')
case('node-esmimport', 'CD01', {'s.cjs': "import fs from 'fs';\n"}, 'node s.cjs')
case('uvicorn-factory', 'CD02', {'app.py': 'def create_app():\n    from fastapi import FastAPI\n    return FastAPI()\n'}, UV)
case('gunicorn-noattr', 'CD02', {'app.py': 'from flask import Flask\nserver = Flask(__name__)\n'}, 'gunicorn -b 0.0.0.0:7860 app:app')
case('flask-noapp', 'CD02', {'main.py': ''}, 'flask run --host 0.0.0.0 --port 7860')
case('uvicorn-nomodule', 'CD02|D01', {'app.py': FA}, 'uvicorn src.main:app --host 0.0.0.0 --port 7860')
case('file-config', 'CD03', {'app.py': 'import json\nCONFIG = json.load(open("config/stations.json"))\n'}, 'python app.py')
case('file-model', 'CD03', {'app.py': 'from fastapi import FastAPI\nimport pickle, contextlib\n@contextlib.asynccontextmanager\nasync def lifespan(app):\n    app.m = pickle.load(open("/home/user/app/models/rf.pkl", "rb"))\n    yield\napp = FastAPI(lifespan=lifespan)\n'}, UV)
case('static-dir', 'CD03', {'app.py': 'from fastapi import FastAPI\nfrom fastapi.staticfiles import StaticFiles\napp = FastAPI()\napp.mount("/static", StaticFiles(directory="static"))\n'}, UV)
# ---- unknown: bugs of the code alone
case('u-zero', 'unknown', {'app.py': 'stations = []\nprint("mean level", sum(stations) / len(stations))\n'}, 'python app.py')
case('u-attr', 'unknown', {'app.py': LOGCONF + 'log.info("start")\nclass S: pass\nS().station_id\n'}, 'python app.py')
case('u-type', 'unknown', {'app.py': FA + 'app.include_router("stations")\n'}, UV)
case('u-index', 'unknown', {'app.py': 'rows = []\nprint(rows[0])\n'}, 'python app.py')
case('u-node-type', 'unknown', {'s.js': "const c = {};\nconsole.log(c.stations.length);\n"}, 'node s.js')
case('u-java', 'unknown', {'M.java': 'public class M { public static void main(String[] a) { String s = null; System.out.println(s.length()); } }\n'}, 'java M.java', 12)
case('u-lifespan', 'unknown', {'app.py': 'import contextlib\nfrom fastapi import FastAPI\n@contextlib.asynccontextmanager\nasync def life(app):\n    {"a": 1}["station"]\n    yield\napp = FastAPI(lifespan=life)\n'}, UV)
case('u-json', 'unknown', {'app.py': 'import json\njson.loads("<html>")\n'}, 'python app.py')
case('u-assert-node', 'unknown', {'s.js': "const assert = require('assert');\nassert.strictEqual(1, 2);\n"}, 'node s.js')
# ---- models and the Hub
case('lfs-safetensors', 'MF01', {'m.safetensors': 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 13245\n', 'app.py': 'from safetensors.numpy import load_file\nprint("loading weights")\nload_file("m.safetensors")\n'}, 'python app.py')
case('lfs-pickle', 'MF01', {'m.pkl': 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 13245\n', 'app.py': 'import pickle\npickle.load(open("m.pkl","rb"))\n'}, 'python app.py')
HUB = '''
import http.server, json, sys, threading
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        code, head, body = %s
        self.send_response(code)
        for k, v in head.items(): self.send_header(k, v)
        self.send_header("Content-Length", str(len(body))); self.end_headers()
        if self.command != "HEAD": self.wfile.write(body.encode())
    do_HEAD = do_POST = do_GET
    def log_message(self, *a): pass
http.server.HTTPServer(("127.0.0.1", 9), H).serve_forever()
'''
def hub(name, expect, answer, program, **more):
    case(name, expect, {'.s.py': HUB % answer, 'app.py': program}, 'python .s.py & sleep 1; HF_ENDPOINT=http://127.0.0.1:9 OPENAI_BASE_URL=http://127.0.0.1:9/v1 OPENAI_API_KEY=k python app.py', more.pop('secs', 14), setup='sysctl -qw net.ipv4.ip_unprivileged_port_start=0;', **more)
DL = 'from huggingface_hub import hf_hub_download\nprint("downloading the model", flush=True)\nhf_hub_download("acme/tide-model", "model.safetensors")\n'
hub('hub-401', 'D19', '401, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}, \'{"error":"Invalid username or password."}\'', DL)
hub('hub-gated', 'D19', '403, {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to model acme/tide-model is restricted and you are not in the authorized list."}, "{}"', DL)
hub('hub-404', 'D19', '404, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}, "{}"', DL)
hub('hub-429', 'D20', '429, {}, \'{"error":"We had to rate limit your IP."}\'', 'import huggingface_hub.utils._http as h\n' + DL, secs=40)
case('hub-offline', 'MF03', {'app.py': DL}, 'HF_HUB_OFFLINE=1 python app.py', 10)
ASK = 'import openai\nc = openai.OpenAI(max_retries=0)\nprint("asking the model", flush=True)\nprint(c.chat.completions.create(model="m", messages=[{"role":"user","content":"hi"}]))\n'
J = '{"Content-Type": "application/json"}'
hub('llm-402', 'L01', '402, %s, \'{"error":"You have depleted your monthly included credits. Purchase pre-paid credits to continue using Inference Providers."}\'' % J, ASK)
hub('llm-403', 'L02', '403, %s, \'{"error":"This authentication method does not have sufficient permissions to call Inference Providers on behalf of user acme"}\'' % J, ASK)
hub('llm-400', 'L03', '400, %s, \'{"error":{"message":"The requested model m is not supported by any provider you have enabled.","type":"invalid_request_error","code":"model_not_supported"}}\'' % J, ASK)
hub('llm-429', 'L06', '429, %s, \'{"error":{"message":"Rate limit reached for requests","type":"requests"}}\'' % J, ASK)
hub('llm-503', 'L06', '503, %s, \'{"error":{"message":"The engine is currently overloaded, please try again later"}}\'' % J, ASK)
INF = 'from huggingface_hub import InferenceClient\nc = InferenceClient(base_url="http://127.0.0.1:9", api_key="hf_x")\nprint("asking", flush=True)\nprint(c.chat_completion(messages=[{"role":"user","content":"hi"}], model=None))\n'
hub('inf-402', 'L01', '402, %s, \'{"error":"You have depleted your monthly included credits."}\'' % J, INF)
# ---- secrets with line ends
hub('newline-header', 'D08', '200, {}, "{}"', 'import httpx\nprint("calling")\nhttpx.get("http://127.0.0.1:9/", headers={"Authorization": "Bearer tok\\n"})\n')
hub('newline-aiohttp', 'D08', '200, {}, "{}"', 'import asyncio, aiohttp\nasync def m():\n    async with aiohttp.ClientSession() as s:\n        await s.get("http://127.0.0.1:9/", headers={"Authorization": "Bearer tok\\r\\n"})\nasyncio.run(m())\n')
case('newline-db', 'D08', {'app.py': 'import psycopg2\npsycopg2.connect("postgresql://tide:tide@127.0.0.1:5432/tide\\n")\n'}, 'python app.py', net='db')
# ---- hosts
case('django-host', 'P11', {'app.py': 'from django.conf import settings\nsettings.configure(SECRET_KEY="x", DEBUG=True, ALLOWED_HOSTS=["tide.example"], ROOT_URLCONF="app", MIDDLEWARE=["django.middleware.common.CommonMiddleware"])\nfrom django.core.wsgi import get_wsgi_application\nfrom django.http import HttpResponse\nfrom django.urls import path\nurlpatterns=[path("", lambda r: HttpResponse("ok"))]\napplication = get_wsgi_application()\n'}, 'gunicorn -b 0.0.0.0:7860 --access-logfile - app:application & sleep 3; for i in 1 2; do curl -s -o /dev/null -H "Host: acme-tide.hf.space" http://10.9.0.1:7860/; done', 7, net='hole')
case('reload', 'D22', {'app.py': FA}, '(sleep 3; echo "# x" >> app.py; sleep 2; echo "# y" >> app.py) & uvicorn app:app --host 0.0.0.0 --port 7860 --reload', 9)
case('flask-debug', 'D22', {'app.py': 'from flask import Flask\napp = Flask(__name__)\napp.run("0.0.0.0", 7860, debug=True)\n'}, '(sleep 3; echo "# x" >> app.py) & python app.py', 7)
case('telegram-timeout', 'D11', {'bot.py': 'from telegram.ext import Application\napp = Application.builder().token("123456:AAE-x").connect_timeout(2).build()\napp.run_polling()\n'}, 'python bot.py', 20, net='hole', setup='echo "10.9.0.20 api.telegram.org" > /tmp/stokerfield/hosts; mount --bind /tmp/stokerfield/hosts /etc/hosts;')
# ---- healthy logs and decoys
def ok(name, files, cmd, secs=8, expect='none', **more):
    case('ok-' + name, expect, files, cmd, secs, net=more.pop('net', 'hole'), **more)
GET = 'sleep 4; for p in / /health /; do curl -s -o /dev/null http://10.9.0.1:7860$p; done'
ok('uvicorn', {'app.py': FA}, UV + ' & ' + GET + '; curl -s -o /dev/null "http://10.9.0.1:7860/?q=Traceback+(most+recent+call+last)"')
ok('logged-exception', {'app.py': LOGCONF + FA + '''
try:
    open("/data/cache.json")
except OSError:
    log.exception("no cache yet, starting cold")
'''}, UV + ' & ' + GET)
ok('retry-db', {'app.py': LOGCONF + FA + '''
import socket, time
for n in range(3):
    try:
        socket.create_connection(("127.0.0.1", 5432), 1)
    except OSError as e:
        log.error("attempt %d/3: database connection failed: %s", n + 1, e)
        time.sleep(0.2)
log.info("using the read-only snapshot")
'''}, UV + ' & ' + GET)
ok('chat', {'app.py': LOGCONF + FA + '''
for q in ["how do I fix ModuleNotFoundError: No module named 'torch'", "psycopg2.OperationalError: connection refused port 5432, what is it?", "my container says exit code: 137 OOMKilled", "error: [Errno 98] Address already in use", "OSError: [Errno 28] No space left on device"]:
    log.info("question: %s", q)
'''}, UV + ' & ' + GET)
ok('shutdown', {'app.py': FA}, UV + ' & sleep 4; curl -s -o /dev/null http://10.9.0.1:7860/; kill %1; sleep 1; ' + UV + ' & sleep 7', 10)
ok('gunicorn-hup', {'app.py': 'from flask import Flask\napp = Flask(__name__)\n@app.get("/")\ndef i(): return "ok"\n'}, 'gunicorn -w 2 -b 0.0.0.0:7860 --access-logfile - app:app & sleep 2; kill -HUP $!; sleep 2; curl -s -o /dev/null http://10.9.0.1:7860/', 7)
ok('gunicorn-max', {'app.py': 'from flask import Flask\napp = Flask(__name__)\n@app.get("/")\ndef i(): return "ok"\n'}, 'gunicorn -w 1 --max-requests 2 -b 0.0.0.0:7860 --access-logfile - app:app & sleep 2; for i in 1 2 3 4 5 6; do curl -s -o /dev/null http://10.9.0.1:7860/; sleep 0.3; done', 7)
ok('django-404', {'app.py': 'from django.conf import settings\nsettings.configure(SECRET_KEY="x", DEBUG=False, ALLOWED_HOSTS=["*"], ROOT_URLCONF="app", LOGGING_CONFIG=None)\nimport logging; logging.basicConfig(level="INFO")\nfrom django.core.wsgi import get_wsgi_application\nfrom django.http import HttpResponse\nfrom django.urls import path\nurlpatterns=[path("", lambda r: HttpResponse("ok"))]\napplication = get_wsgi_application()\n'}, 'gunicorn -b 0.0.0.0:7860 --access-logfile - app:application & sleep 3; for p in / /favicon.ico /wp-login.php /; do curl -s -o /dev/null http://10.9.0.1:7860$p; done', 7)
ok('nginx-uvicorn', {'app.py': FA, 'nginx.conf': 'pid /tmp/n3.pid; daemon off; error_log stderr notice; events {} http { access_log /dev/stdout; client_body_temp_path /tmp/nb; proxy_temp_path /tmp/np; fastcgi_temp_path /tmp/nf; uwsgi_temp_path /tmp/nu; scgi_temp_path /tmp/ns; server { listen 7860; location / { proxy_pass http://127.0.0.1:8000; } } }'}, 'uvicorn app:app --port 8000 & nginx -c /home/user/app/nginx.conf & sleep 1; curl -s -o /dev/null http://10.9.0.1:7860/; ' + GET, 9)
ok('nginx-quiet-gunicorn', {'app.py': 'from flask import Flask\napp = Flask(__name__)\n@app.get("/")\ndef i(): return "ok"\n', 'nginx.conf': 'pid /tmp/n4.pid; daemon off; error_log stderr notice; events {} http { access_log off; client_body_temp_path /tmp/nb; proxy_temp_path /tmp/np; fastcgi_temp_path /tmp/nf; uwsgi_temp_path /tmp/nu; scgi_temp_path /tmp/ns; server { listen 7860; location / { proxy_pass http://127.0.0.1:8000; } } }'}, 'nginx -c /home/user/app/nginx.conf & gunicorn --access-logfile - app:app & ' + GET, 9)
ok('gradio', {'app.py': 'import gradio as gr\nwith gr.Blocks() as demo: gr.Markdown("x")\ndemo.launch(server_name="0.0.0.0", server_port=7860)\n'}, 'python app.py', 14)
ok('streamlit', {'app.py': 'import streamlit as st\nst.write("hi")\n'}, 'streamlit run app.py --server.headless true --server.port 7860', 10)
ok('node', {'s.js': "process.emitWarning('The punycode module is deprecated. Please use a userland alternative instead.', 'DeprecationWarning', 'DEP0040');\nrequire('http').createServer((q, r) => { console.log(new Date().toISOString(), q.method, q.url, 200); r.end('ok'); }).listen(7860, '0.0.0.0', () => console.log('listening on http://0.0.0.0:7860'));\n"}, 'node s.js & ' + GET)
ok('node-port', {'s.js': "const port = 7860;\nrequire('http').createServer((q, r) => r.end('ok')).listen(port, () => console.log(`Example app listening on port ${port}`));\n"}, 'node s.js', 5)
ok('celery-mem', {'tasks.py': 'from celery import Celery\napp = Celery("tasks", broker="memory://")\n@app.task(bind=True, max_retries=2, default_retry_delay=0)\ndef f(self):\n    pass\n'}, 'celery -A tasks worker --loglevel=INFO --concurrency=1', 8)
ok('supervisor', {'app.py': FA, 's.conf': '[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile=/tmp/sv.pid\n[program:web]\ncommand=uvicorn app:app --host 0.0.0.0 --port 7860\nstdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0\nredirect_stderr=true\n[program:metrics]\ncommand=python -m http.server 9100 --bind 127.0.0.1\nstdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0\nredirect_stderr=true\n'}, 'supervisord -c s.conf & ' + GET, 9)
ok('worker-restarted', {'app.py': FA, 'w.py': 'import time, sys\ntime.sleep(0.5)\nimport os\nif not os.path.exists("/tmp/once-w"):\n    open("/tmp/once-w","w")\n    raise ConnectionError("feed closed the stream")\nprint("worker: feed is open", flush=True)\ntime.sleep(60)\n', 's.conf': '[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile=/tmp/sv2.pid\n[program:web]\ncommand=uvicorn app:app --host 0.0.0.0 --port 7860\nstdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0\nredirect_stderr=true\n[program:worker]\ncommand=python w.py\nstartsecs=0\nstdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0\nredirect_stderr=true\n'}, 'rm -f /tmp/once-w; supervisord -c s.conf & ' + GET, 9)
ok('http-500-once', {'app.py': FA + '\n@app.get("/health")\ndef h(): return {"stations": {"a": 1}["b"]}\n'}, UV + ' & ' + GET, expect='unknown')
ok('warnings', {'app.py': LOGCONF + FA + '''
import warnings
warnings.warn("CUDA initialization: Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU", UserWarning)
log.warning("GPU is not there; using CPU")
log.warning("429 from api.weather.example; next try in 60 s")
log.error("station 17: no data for 3 h")
'''}, UV + ' & ' + GET)
ok('scheduler', {'app.py': LOGCONF + FA + '''
from apscheduler.schedulers.background import BackgroundScheduler
import datetime
def job(): raise TimeoutError("feed did not answer within 10 s")
s = BackgroundScheduler(); s.add_job(job, "interval", seconds=2); s.start()
'''}, UV + ' & ' + GET + '; ' + GET, 12, expect='unknown')
ok('client-gone', {'app.py': FA + '''
import asyncio
from fastapi.responses import StreamingResponse
@app.get("/health")
def s():
    def g():
        for i in range(1000):
            import time; time.sleep(0.05); yield b"x" * 1000
    return StreamingResponse(g())
'''}, UV + ' & sleep 4; curl -s -m 1 -o /dev/null http://10.9.0.1:7860/health; curl -s -o /dev/null http://10.9.0.1:7860/')
ok('sqlite-wal', {'app.py': LOGCONF + FA + 'log.info("opening /data/tide.db: not there; database is kept in memory until the volume is attached")\n'}, UV + ' & ' + GET)
ok('pip-at-start', {'start.sh': '#!/bin/sh\npip install --no-index colorama 2>&1 | tail -3\necho "continuing with what the image has"\nexec uvicorn app:app --host 0.0.0.0 --port 7860\n', 'app.py': FA}, './start.sh & ' + GET, 12)
ok('env-optional', {'app.py': LOGCONF + FA + 'for n in ("SENTRY_DSN", "SLACK_WEBHOOK_URL"):\n    log.warning("%s is not set: no reports", n)\n'}, UV + ' & ' + GET)
ok('json', {'app.py': 'import json, sys\ndef w(**k): print(json.dumps(k), flush=True)\nw(level="info", msg="starting", error=None)\nw(level="error", msg="job 7 failed", error="psycopg.errors.SerializationFailure: could not serialize access", retry=True)\nw(level="info", msg="job 7 done", attempt=2)\n' + FA}, UV + ' --no-access-log & ' + GET)
ok('selftest', {'start.sh': '#!/bin/bash\necho "self-test: wrong password must be refused"\necho "  psycopg2.OperationalError: FATAL:  password authentication failed for user \\"probe\\"  ... as it should be"\necho "self-test passed"\nexec uvicorn app:app --host 0.0.0.0 --port 7860\n', 'app.py': FA}, './start.sh & ' + GET)
ok('flask', {'app.py': 'from flask import Flask\napp = Flask(__name__)\n@app.get("/")\ndef i(): return "ok"\napp.run("0.0.0.0", 7860)\n'}, 'python app.py & ' + GET)
ok('hypercorn', {'app.py': FA}, 'hypercorn -b 0.0.0.0:7860 --access-logfile - app:app & ' + GET)
ok('aiohttp', {'app.py': 'import logging; logging.basicConfig(level=20)\nfrom aiohttp import web\nasync def i(r): return web.Response(text="ok")\napp = web.Application(); app.router.add_get("/", i)\nweb.run_app(app, port=7860)\n'}, 'python app.py & ' + GET)
ok('loguru', {'app.py': 'from loguru import logger\nfrom fastapi import FastAPI\nimport contextlib\n@contextlib.asynccontextmanager\nasync def life(app):\n    try:\n        1 / 0\n    except ZeroDivisionError:\n        logger.opt(exception=True).warning("the forecast is not available")\n    yield\napp = FastAPI(lifespan=life)\n@app.get("/")\ndef i(): return 1\n'}, UV + ' & ' + GET)
ok('rich', {'app.py': 'import logging\nfrom rich.logging import RichHandler\nlogging.basicConfig(level="INFO", handlers=[RichHandler()])\nlogging.getLogger().error("cache: [Errno 13] Permission denied: \'/data/cache\'; caching in memory")\n' + FA}, UV + ' & ' + GET)
ok('tests-first', {'test_a.py': 'def test_refuses_wrong_port():\n    assert True\ndef test_out_of_memory_is_reported():\n    assert True\n', 'app.py': FA, 'start.sh': '#!/bin/sh\npython -m unittest -v 2>&1 | tail -4\nexec uvicorn app:app --host 0.0.0.0 --port 7860\n'}, './start.sh & ' + GET)
ok('curl-loop', {'app.py': FA, 'start.sh': '#!/bin/bash\nuvicorn app:app --host 0.0.0.0 --port 7860 &\nuntil curl -sS -o /dev/null http://127.0.0.1:7860/; do sleep 0.5; done\necho ready\nwait\n'}, './start.sh')
ok('oauth', {'app.py': LOGCONF + FA + '\nfrom fastapi import HTTPException\n@app.get("/health")\ndef h(): raise HTTPException(401, "token expired")\nlog.info("401 Client Error means that the visitor has to log in")\n'}, UV + ' & ' + GET)
ok('quiet-bot', {'bot.py': LOGCONF + 'import time\nlog.info("shard 0 connected to gateway")\nlog.warning("rate limited on /channels/1/messages; 0.4 s")\nlog.info("synced 12 commands")\ntime.sleep(5)\n', 'app.py': FA}, 'python bot.py & ' + UV)
# ---- builds
def b(name, expect, steps, files=None, secs=90, style=None, net='host', path=None, tail='', **more):
    st = style if style is not None else int(hashlib.md5(name.encode()).hexdigest(), 16) % 2
    base = [('FROM', 'docker.io/library/python:3.11-slim@sha256:0f1e2d'), ('WORKDIR', '/home/user/app'), ('COPY', '--chown=user . .')]
    fs = {'.b.py': BPY, '.steps': json.dumps(base + steps), **(files or {})}
    env = more.pop('env', {})
    cmd = f'python .b.py {st} .steps' + (f'; printf "%s" "{tail}"' if tail else '')
    case('b-' + name, expect, fs, cmd, secs, kind='build', net=net, env=env, **more)
PIPI = 'pip install --no-cache-dir --disable-pip-version-check --target /tmp/t-$$ '
b('conflict', 'B01', [('RUN', PIPI + '-r requirements.txt')], {'requirements.txt': 'fastapi==0.99.0\nstarlette==0.37.0\nuvicorn\n'})
b('conflict-pydantic', 'B01', [('RUN', PIPI + '-r requirements.txt')], {'requirements.txt': 'fastapi==0.95.0\npydantic==2.7.0\n'})
b('noversion', 'B03', [('RUN', PIPI + '-r requirements.txt')], {'requirements.txt': 'flask\nnumpy==1.99.0\n'})
b('nopackage', 'B03', [('RUN', PIPI + 'fastapi-tide-tools-internal==1.0')])
b('nopython', 'B03', [('RUN', PIPI + '"numpy==1.19.5" --only-binary :all:')])
b('badreq', 'BD05', [('RUN', PIPI + '-r requirements.txt')], {'requirements.txt': 'flask >> 2\n'})
b('badreq2', 'BD05', [('RUN', PIPI + '-r requirements.txt')], {'requirements.txt': 'uvicorn\ngradio = 4.44\n'})
b('noreqfile', 'BD05|B07', [('RUN', PIPI + '-r requirements.txt')])
b('hash', 'BD04', [('RUN', PIPI + '--require-hashes -r requirements.txt')], {'requirements.txt': 'idna==3.10 --hash=sha256:' + '0' * 64 + '\n'})
b('git-missing', 'BD02', [('RUN', 'mkdir -p /tmp/nogit && ln -sf $(which python) $(which pip) $(which sh) /tmp/nogit/; PATH=/tmp/nogit pip install --target /tmp/t git+https://github.com/huggingface/transformers.git')])
b('gcc', 'BD09', [('RUN', 'mkdir -p /tmp/nogcc && ln -sf $(which python) $(which pip) $(which sh) $(which ld) $(which git) $(which uname) /tmp/nogcc/; PATH=/tmp/nogcc pip install --target /tmp/t2 --no-binary MarkupSafe --no-build-isolation "psutil==5.9.0" --no-binary psutil')], secs=200)
b('gcc-hnswlib', 'BD01', [('RUN', 'mkdir -p /tmp/nogcc3 && ln -sf $(which python) $(which pip) $(which sh) /tmp/nogcc3/; PATH=/tmp/nogcc3 pip install --target /tmp/t3 hnswlib')], secs=200)
b('pkgres', 'B04', [('RUN', PIPI + '"openai-whisper==20231117"')], secs=200)
b('apt-missing', 'B05', [('RUN', 'apt-get install -y --no-install-recommends ffmpeg5-static')], root=True)
b('apt-dns', 'BD10', [('RUN', 'mkdir -p /tmp/lists/partial; apt-get -o APT::Update::Error-Mode=any -o Dir::State::lists=/tmp/lists -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::sourcelist=/tmp/stokerfield/sources update')], root=True, net='own')
b('pip-dns', 'BD13|BD10', [('RUN', 'env -u PIP_INDEX_URL pip install --no-cache-dir --retries 1 --target /tmp/t4 -i https://pypi.org/simple flask')], net='own')
b('uid', 'B06', [('RUN', 'useradd -m -u 1000 -U user')], root=True)
b('data', 'B11', [('RUN', 'mkdir -p /data/models && python -c 1')])
b('data-py', 'B11', [('RUN', 'python prepare.py')], {'prepare.py': 'import os\nos.makedirs("/data/cache")\n'})
b('secret-cat', 'B10', [('RUN', '--mount=type=secret,id=HF_TOKEN set -e; TOKEN=$(cat /run/secrets/HF_TOKEN); echo fetch')])
b('secret-env', 'B10', [('RUN', 'python fetch.py')], {'fetch.py': 'import os\nprint("fetching the model")\ntoken = os.environ["HF_TOKEN"]\n'})
b('smi', 'B12', [('RUN', 'nvidia-smi && python -c 1')])
b('cmd-missing', 'BD08', [('RUN', 'poetry install --no-root --only main')])
b('cmd-missing2', 'BD08', [('RUN', 'pnpm install --frozen-lockfile')])
b('npmci', 'BD06', [('RUN', 'npm ci')], {'package.json': '{"name":"board","version":"1.0.0","dependencies":{"express":"^4.19.0"}}'})
b('npm-script', 'BD11', [('RUN', 'npm run build')], {'package.json': '{"name":"board","version":"1.0.0","scripts":{"start":"node ."}}'})
b('npm-nopackage', 'B07|CD03', [('RUN', 'npm run build')])
b('npm-net', 'BD10', [('RUN', 'npm install --fetch-retries 0 express')], net='own', env={'npm_config_registry': 'https://registry.npmjs.org/', 'npm_config_cache': '/tmp/nc'})
b('killed', 'B15', [('RUN', 'python -c "import os; print(\'Building wheel for flash-attn (setup.py): still running...\', flush=True); os.kill(os.getpid(), 9)"')])
b('killed-cc', 'B15', [('RUN', 'printf "[ 61%%] Building CXX object src/CMakeFiles/llama.dir/llama.cpp.o\\nc++: fatal error: Killed signal terminated program cc1plus\\ncompilation terminated.\\nmake[2]: *** [src/CMakeFiles/llama.dir/build.make:76: src/CMakeFiles/llama.dir/llama.cpp.o] Error 1\\n"; exit 2')])
b('disk', 'B09', [('RUN', 'python -c "open(\'/small/x\',\'wb\').write(b\'x\'*9000000)"')], setup='mkdir -p /small; mount -t tmpfs -o size=1m tmpfs /small; chmod 777 /small;', net='own')
b('disk-tar', 'B09', [('RUN', 'tar cf w.tar /etc/ssl 2>/dev/null; tar xf w.tar -C /small')], setup='mkdir -p /small; mount -t tmpfs -o size=64k tmpfs /small; chmod 777 /small;', net='own')
b('make-error', 'BD11', [('RUN', 'make')], {'Makefile': 'all:\n\tgcc -c main.c\n', 'main.c': 'int main() { return x; }\n'})
b('cpp-header', 'BD03', [('RUN', 'gcc -c audio.c')], {'audio.c': '#include <portaudio.h>\nint main() { return 0; }\n'})
b('cargo', 'BD11', [('RUN', 'cargo build --offline')], {'Cargo.toml': '[package]\nname="tide"\nversion="0.1.0"\nedition="2021"\n', 'src/main.rs': 'fn main() { let x: u32 = "a"; println!("{}", x); }\n'}, root=True, env={'PATH': f'{VENV}/bin:/tmp/stokerfield/cargo:/usr/bin:/bin', 'RUSTUP_HOME': '/tmp/stokerfield/rustup'})
b('py-import-in-build', 'BD11|D01', [('RUN', 'python -c "import torch; torch.hub.list(\'x\')"')])
b('crlf', 'EP01|BD08', [('RUN', './setup.sh')], {'setup.sh': '#!/bin/bash\r\necho hi\r\n'})
b('noexec', 'EP04', [('RUN', './noexec-setup.sh')], {'noexec-setup.sh': '#!/bin/bash\necho hi\n'})
b('pytest', 'unknown', [('RUN', 'python -m unittest -v')], {'test_tide.py': 'import unittest\nclass T(unittest.TestCase):\n    def test_levels(self): self.assertEqual(3, 4)\n'})
b('script', 'unknown', [('RUN', 'python prepare.py')], {'prepare.py': 'rows = []\nassert rows, "no stations in the export"\n'})
b('copy', 'B07', [('FAIL', '--> COPY --chown=user package.json package-lock.json ./\n--> ERROR: failed to calculate checksum of ref 4a5b6c::9d8e7f: "/package-lock.json": not found\n')], style=0)
b('copy-bk', 'B07', [('FAIL', '#9 [stage-1 4/6] COPY --from=build /app/dist /usr/share/nginx/html\n#9 ERROR: failed to calculate checksum of ref k3vq::a8: "/app/dist": not found\n------\n > [stage-1 4/6] COPY --from=build /app/dist /usr/share/nginx/html:\n------\nERROR: failed to solve: failed to compute cache key: failed to calculate checksum of ref k3vq::a8: "/app/dist": not found')], style=1)
b('image', 'B08', [('FAIL', '#2 [internal] load metadata for docker.io/library/python:3.11-slim-bokworm\n#2 ERROR: docker.io/library/python:3.11-slim-bokworm: not found\n------\n > [internal] load metadata for docker.io/library/python:3.11-slim-bokworm:\n------\nDockerfile:1\n--------------------\n   1 | >>> FROM python:3.11-slim-bokworm\n--------------------\nERROR: failed to solve: python:3.11-slim-bokworm: failed to resolve source metadata for docker.io/library/python:3.11-slim-bokworm: docker.io/library/python:3.11-slim-bokworm: not found')], style=1)
b('dockerfile', 'BD07', [('FAIL', 'Dockerfile:6\n--------------------\n   4 |     \n   5 |     COPY . .\n   6 | >>> pip install -r requirements.txt\n   7 |     \n--------------------\nERROR: failed to solve: dockerfile parse error on line 6: unknown instruction: pip')], style=1)
b('tail-cache', 'B03', [('RUN', PIPI + 'torch==1.4.0')], style=0, tail='cache miss: [base 2/5] WORKDIR /app\\ncache miss: [base 3/5] RUN pip install\\n')
# healthy builds
b('ok-pip', 'none', [('RUN', PIPI + 'idna six')])
b('ok-pip-warn', 'none', [('RUN', 'pip install --no-cache-dir --target /tmp/tt-$$ idna 2>&1; python -W always -c "import warnings; warnings.warn(\'setup.py install is deprecated\', DeprecationWarning)"; echo "error: could not read cache manifest, rebuilding it"')])
b('ok-tests', 'none', [('RUN', 'python -m unittest -v')], {'test_tide.py': 'import unittest\nclass T(unittest.TestCase):\n    def test_no_space_left_on_device(self): pass\n    def test_error_permission_denied(self): print("PermissionError: [Errno 13] Permission denied: \'/data\'")\n'})
b('ok-configure', 'none', [('RUN', 'for h in sys/epoll.h windows.h; do echo "#include <$h>" > t.c; printf "checking for $h... "; gcc -c t.c -o /dev/null 2>t.log && echo yes || { echo no; cat t.log; }; done')])
b('ok-grep', 'none', [('RUN', 'cat docs/errors.txt; ls')], {'docs/errors.txt': 'E404: station not found\nerror: level missing\nKilled tasks are restarted\nnpm ERR! is printed by old clients\n'})
b('ok-retry', 'none', [('RUN', 'for i in 1 2 3; do if [ $i -lt 3 ]; then echo "curl: (6) Could not resolve host: files.tides.example"; echo "try $i failed, again in 1 s"; else echo "downloaded 12 files"; fi; done')])
b('ok-optional', 'none', [('RUN', 'nvidia-smi || echo "no GPU here: the CPU wheels are used"'), ('RUN', 'which poetry || echo plain pip')])
b('ok-node', 'none', [('RUN', 'npm pack --dry-run 2>&1; node -e "process.emitWarning(\'x is deprecated\')"')], {'package.json': '{"name":"board","version":"1.0.0"}', 'index.js': ''})
b('ok-mkdir', 'none', [('RUN', 'mkdir /data 2>/dev/null; mkdir -p /data/x || true'), ('RUN', 'echo done')])
b('ok-make', 'none', [('RUN', 'make')], {'Makefile': 'all:\n\t-gcc -c missing.c\n\tgcc -Wall -c main.c\n', 'main.c': '#include <stdio.h>\nint main() { int unused; printf("error: %d", 1); return 0; }\n'})
