#!/usr/bin/env python3
"""Writes recorded.logs anew: runs small programs that fail, and some that do not, and keeps what they print.

    record.py VENV [NAME...]

VENV has fastapi uvicorn flask gunicorn psycopg[binary] psycopg2-binary pydantic-settings openai redis sqlalchemy asyncpg gradio streamlit
safetensors numpy requests; node and npm must be there. Port 7860 must be free. Labels are in recorded.json."""
import json, os, pathlib, signal, subprocess, sys, tempfile, textwrap

import bundle

here = pathlib.Path(__file__).parent
VENV = pathlib.Path(sys.argv[1]).resolve()
ONLY = sys.argv[2:]
LOGS = {label['name']: text for label, text in bundle.read(here / 'recorded.logs')}
BASE = tempfile.mkdtemp()
env = dict(os.environ, PYTHONUNBUFFERED='1', PYTHONDONTWRITEBYTECODE='1', PATH=f'{VENV}/bin:' + os.environ['PATH'],
           HF_HUB_DISABLE_TELEMETRY='1', GRADIO_ANALYTICS_ENABLED='False')


def run(name, files, cmd, secs=12, extra=None):
    """Runs a command in a folder of its own with these files, ends it after so many seconds, and keeps what it printed."""
    if ONLY and name not in ONLY:
        return
    d = f'{BASE}/{name}'
    os.makedirs(d)
    for f, c in files.items():
        with open(f'{d}/{f}', 'w', newline='') as out:
            out.write(textwrap.dedent(c))
        if f.endswith('.sh'):
            os.chmod(f'{d}/{f}', 0o755)
    p = subprocess.Popen(cmd, shell=True, cwd=d, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         env={**env, **(extra or {})}, start_new_session=True)
    try:
        out, _ = p.communicate(timeout=secs)
    except subprocess.TimeoutExpired:
        out = None
    try:
        os.killpg(p.pid, signal.SIGKILL)  # also what it left running
    except ProcessLookupError:
        pass
    if out is None:
        out, _ = p.communicate()
    text = out.decode(errors='replace').replace(d, '/home/user/app').replace(f'{VENV}/lib', '/usr/local/lib').replace(f'{VENV}/bin', '/usr/local/bin')\
        .replace(sys.base_prefix, '/usr/local').replace(os.path.expanduser('~'), '/home/user')
    LOGS[name] = text
    print(name, p.returncode, len(text))


FA='''
    from fastapi import FastAPI
    app = FastAPI()
    @app.get("/")
    def root(): return {"ok": True}
'''
run('uvicorn_ok',{'app.py':FA},'uvicorn app:app --host 0.0.0.0 --port 7860 & sleep 3; curl -s localhost:7860/ >/dev/null; curl -s localhost:7860/docs/ModuleNotFoundError > /dev/null; curl -s "localhost:7860/stations/x%0A" >/dev/null',6)
run('uvicorn_loop',{'app.py':FA},'uvicorn app:app --port 7860',4)
run('uvicorn_8000',{'app.py':FA},'uvicorn app:app --host 0.0.0.0 --port 8000',4)
run('uvicorn_attr',{'app.py':FA.replace('app = ','api = ').replace('@app','@api')},'uvicorn app:app',5)
run('uvicorn_nomod',{'app.py':FA},'uvicorn main:app',5)
run('uvicorn_missing',{'app.py':'import fastapi\nimport lightgbm\napp=fastapi.FastAPI()\n'},'uvicorn app:app',5)
run('uvicorn_reload',{'app.py':FA},'(sleep 3; echo "# x" >> app.py) & uvicorn app:app --host 0.0.0.0 --port 7860 --reload',7)
run('form_multipart',{'app.py':'''
    from fastapi import FastAPI, Form
    app = FastAPI()
    @app.post("/f")
    def f(a: str = Form()): return a
'''},'uvicorn app:app',5)
run('lifespan_db',{'app.py':'''
    import os, contextlib, psycopg
    from fastapi import FastAPI
    @contextlib.asynccontextmanager
    async def life(app):
        app.db = psycopg.connect("postgresql://app:pw@127.0.0.1:5432/tide", connect_timeout=2)
        yield
    app = FastAPI(lifespan=life)
'''},'uvicorn app:app --host 0.0.0.0 --port 7860',6)
run('env_key',{'app.py':'''
    import os
    from fastapi import FastAPI
    app = FastAPI()
    URL = os.environ["DATABASE_URL"]
'''},'uvicorn app:app',5)
run('key_station',{'app.py':'''
    row = {"id": 3}
    def name(row):
        return row["station"]
    print("starting", flush=True)
    print(name(row))
'''},'python app.py',5)
run('pyd_settings',{'app.py':'''
    from pydantic_settings import BaseSettings
    class Settings(BaseSettings):
        openai_api_key: str
        database_url: str
    settings = Settings()
'''},'python app.py',5)
run('openai_missing',{'app.py':'from openai import OpenAI\nclient = OpenAI()\n'},'python app.py',8)
run('openai_newline',{'app.py':'''
    from openai import OpenAI
    client = OpenAI(api_key="hf_abc\\n", base_url="http://127.0.0.1:9/v1", max_retries=0)
    client.chat.completions.create(model="x", messages=[])
'''},'python app.py',8)
run('requests_newline',{'app.py':'''
    import requests
    requests.get("http://127.0.0.1:9/", headers={"Authorization": "Bearer x\\n"})
'''},'python app.py',8)
run('sqlalchemy_postgres',{'app.py':'from sqlalchemy import create_engine\ne=create_engine("postgres://a:b@h/db")\n'},'python app.py',6)
run('sqlalchemy_none',{'app.py':'from sqlalchemy import create_engine\nimport os\ne=create_engine(os.getenv("DATABASE_URL"))\n'},'python app.py',6)
run('sqlalchemy_refused',{'app.py':'from sqlalchemy import create_engine, text\ne=create_engine("postgresql+psycopg2://a:b@localhost:5432/db")\nprint("migrating", flush=True)\ne.connect().execute(text("select 1"))\n'},'python app.py',6)
run('asyncpg_sslmode',{'app.py':'from sqlalchemy.ext.asyncio import create_async_engine\nimport asyncio\ne=create_async_engine("postgresql+asyncpg://a:b@localhost/db?sslmode=require")\nasync def m():\n    async with e.connect() as c: pass\nasyncio.run(m())\n'},'python app.py',6)
run('asyncpg_refused',{'app.py':'import asyncio, asyncpg\nasyncio.run(asyncpg.connect("postgresql://a:b@127.0.0.1:5432/db"))\n'},'python app.py',6)
run('redis_refused',{'app.py':'import redis\nr=redis.Redis()\nr.ping()\n'},'python app.py',6)
run('dns',{'app.py':'import requests\nprint("fetching")\nrequests.get("https://api.tide-nowhere.invalid/v1")\n'},'python app.py',8)
run('sqlite_ro',{'app.py':'import sqlite3\nc=sqlite3.connect("/nonexistent/db/app.db")\n'},'python app.py',5)
run('sqlite_table',{'app.py':'import sqlite3\nc=sqlite3.connect(":memory:")\nc.execute("select * from stations")\n'},'python app.py',5)
run('syntax',{'app.py':'def f(:\n    pass\n'},'python app.py',5)
run('indent',{'app.py':'def f():\nreturn 1\n'},'uvicorn app:app',5)
run('memoryerror',{'app.py':'import numpy as np\nprint("loading")\nx=np.ones((1<<17,1<<20))\n'},'ulimit -v 4000000; python app.py',6)
run('killed',{'start.sh':'#!/bin/bash\necho "loading model"\npython -c "import os; os.kill(os.getpid(), 9)"\n'},'bash start.sh',6)
run('crlf',{'start.sh':'#!/bin/bash\r\nset -euo pipefail\r\nuvicorn app:app\r\n'},'./start.sh',4)
run('crlf2',{'start.sh':'#!/bin/bash\r\nset -euo pipefail\r\ncd app\r\nuvicorn app:app\r\n'},'bash start.sh',4)
run('crlf_env',{'start.sh':'#!/usr/bin/env bash\r\necho hi\r\n'},'./start.sh',4)
run('unbound',{'start.sh':'#!/bin/bash\nset -eu\necho "Starting"\necho "db: $DATABASE_URL"\n'},'./start.sh',4)
run('notexec',{'entrypoint.txt':'#!/bin/sh\necho hi\n'},'cp entrypoint.txt entrypoint.sh; chmod 644 entrypoint.sh; ./entrypoint.sh',4)
run('nocmd',{'start.sh':'#!/bin/sh\nexec gunicornx app:app\n'},'./start.sh',4)
run('nofile',{},'python main.py',4)
run('flask_ok',{'app.py':'from flask import Flask\napp=Flask(__name__)\n@app.route("/")\ndef i(): return "ok"\napp.run(host="0.0.0.0", port=7860)\n'},'(sleep 2; curl -s localhost:7860/ >/dev/null) & python app.py',5)
run('flask_quiet',{'app.py':'from flask import Flask\napp=Flask(__name__)\napp.run(host="0.0.0.0", port=7860)\n'},'python app.py',4)
run('flask_5000',{'app.py':'from flask import Flask\napp=Flask(__name__)\napp.run()\n'},'python app.py',4)
run('flask_debug',{'app.py':'from flask import Flask\napp=Flask(__name__)\napp.run(host="0.0.0.0", port=7860, debug=True)\n'},'(sleep 2; echo "# x" >> app.py) & python app.py',6)
run('flask_500',{'app.py':'''
    import sqlite3
    from flask import Flask
    app=Flask(__name__)
    @app.route("/")
    def i(): return str(sqlite3.connect(":memory:").execute("select * from tides").fetchall())
    app.run(host="0.0.0.0", port=7860)
'''},'(sleep 2; curl -s localhost:7860/ >/dev/null) & python app.py',5)
run('port_taken',{'app.py':FA},'python -m http.server 7860 & sleep 1; uvicorn app:app --host 0.0.0.0 --port 7860',5)
run('gunicorn_loop',{'app.py':'from flask import Flask\napp=Flask(__name__)\n'},'gunicorn app:app -b 127.0.0.1:7860',4)
run('gunicorn_8000',{'app.py':'from flask import Flask\napp=Flask(__name__)\n'},'gunicorn app:app -b 0.0.0.0:8000',4)
run('gunicorn_ok',{'app.py':'from flask import Flask\napp=Flask(__name__)\n'},'gunicorn app:app -b 0.0.0.0:7860',4)
run('gunicorn_boot',{'app.py':'import sklearnx\n'},'gunicorn app:app -b 0.0.0.0:7860',5)
run('gunicorn_attr',{'app.py':'x=1\n'},'gunicorn app:app -b 0.0.0.0:7860',5)
run('http_server',{},'python -m http.server 7860 --bind 127.0.0.1',3)
run('gradio_loop',{'app.py':'import gradio as gr\ngr.Interface(lambda x:x,"text","text").launch()\n'},'python app.py',20,{'GRADIO_SERVER_PORT':'7860'})
run('gradio_ok',{'app.py':'import gradio as gr\ngr.Interface(lambda x:x,"text","text").launch(server_name="0.0.0.0", server_port=7860)\n'},'python app.py',20)
run('gradio_taken',{'app.py':'import gradio as gr\ngr.Interface(lambda x:x,"text","text").launch(server_name="0.0.0.0", server_port=7860)\n'},'python -m http.server 7860 >/dev/null 2>&1 & sleep 1; python app.py',20)
run('streamlit_8501',{'app.py':'import streamlit as st\nst.write("x")\n'},'streamlit run app.py --server.headless true',8)
run('streamlit_taken',{'app.py':'import streamlit as st\nst.write("x")\n'},'python -m http.server 7860 >/dev/null 2>&1 & sleep 1; streamlit run app.py --server.headless true --server.port 7860',8)
run('node_missing',{'server.js':"const express = require('express');\n"},'node server.js',5)
run('node_esm',{'server.mjs':"import express from 'express';\n"},'node server.mjs',5)
run('node_taken',{'server.js':"require('http').createServer().listen(7860,'0.0.0.0')\n"},'python -m http.server 7860 >/dev/null 2>&1 & sleep 1; node server.js',5)
run('node_dns',{'server.js':"require('https').get('https://db.tide-nowhere.invalid/')\n"},'node server.js',5)
run('node_eacces',{'server.js':"require('fs').mkdirSync('/proc/x/y',{recursive:true})\n"},'node server.js',5)
run('node_oom',{'server.js':"let a=[];for(;;)a.push(new Array(1e5).fill('x'.repeat(10)))\n"},'node --max-old-space-size=60 server.js',10)
run('npm_start',{'package.json':'{"name":"x","version":"1.0.0","scripts":{}}'},'npm start',8)
run('npm_ci',{'package.json':'{"name":"x","version":"1.0.0","dependencies":{"express":"^4"}}'},'npm ci',8)
run('hfh_401',{'app.py':'from huggingface_hub.errors import *\nfrom huggingface_hub import hf_hub_download\nprint("loading")\nhf_hub_download("a/b","x.bin", local_files_only=True)\n'},'python app.py',8)
run('hfh_offline',{'app.py':'from huggingface_hub import hf_hub_download, model_info\nprint("loading")\nmodel_info("a/b")\n'},'python app.py',8,{'HF_HUB_OFFLINE':'1'})
run('hffolder',{'app.py':'from huggingface_hub import HfFolder\n'},'python app.py',8)
run('safetensors_lfs',{'model.safetensors':'version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 12345\n','app.py':'from safetensors import safe_open\nprint("loading weights")\nsafe_open("model.safetensors","np")\n'},'python app.py',8)
run('pickle_lfs',{'m.pkl':'version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 12345\n','app.py':'import pickle\npickle.load(open("m.pkl","rb"))\n'},'python app.py',8)
run('smtp',{'app.py':'import smtplib, socket\nsocket.setdefaulttimeout(2)\nprint("sending mail")\nsmtplib.SMTP("10.255.255.1", 587)\n'},'python app.py',8)
run('redis_timeout',{'app.py':'import redis\nredis.Redis(host="10.255.255.1", socket_connect_timeout=1).ping()\n'},'python app.py',8)
run('psy_timeout',{'app.py':'import psycopg\npsycopg.connect("host=10.255.255.1 user=a dbname=b connect_timeout=2")\n'},'python app.py',8)
run('optional_import',{'app.py':'''
    import logging
    from fastapi import FastAPI
    logging.basicConfig(level=logging.INFO)
    try:
        import xformers
    except ImportError:
        logging.exception("xformers is not there, falling back to plain attention")
    app = FastAPI()
'''},'uvicorn app:app --host 0.0.0.0 --port 7860',4)
run('pip_version',{'requirements.txt':'fastapi==99.1\n'},'pip install --no-color -r requirements.txt',20)
run('pip_conflict',{'requirements.txt':'pydantic==1.10.0\nfastapi==0.115.0\npydantic-settings==2.5.0\n'},'pip install -r requirements.txt',40)
run('pip_invalid',{'requirements.txt':'fastapi=>1\n'},'pip install -r requirements.txt',20)
run('pip_git',{'requirements.txt':'git+https://github.com/x/y\n'},f'PATH={VENV}/bin pip install -r requirements.txt',20)
run('pip_hash',{'requirements.txt':'idna==3.10 --hash=sha256:'+'a'*64+'\n'},'pip download --no-cache-dir -r requirements.txt',20)
run('worker_plain',{'app.py':'''
    import logging, time
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    log=logging.getLogger("worker")
    for i in range(6):
        try:
            if i % 2: raise ConnectionRefusedError(111, "Connection refused")
            log.info("round %d done", i)
        except OSError as e: log.warning("round %d: %s, retrying", i, e)
'''},'python app.py',6)

bundle.write(here / 'recorded.logs', [({'name': name, 'kind': kind, 'expect': expect}, LOGS[name])
                                       for name, (expect, kind) in sorted(json.loads((here / 'recorded.json').read_text()).items())])
