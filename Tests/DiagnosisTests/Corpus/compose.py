#!/usr/bin/env python3
"""Writes composed.logs: what failing programs print, inside the noise of real logs. Seeded, so that it always writes the same. A label is the rule that is right as the first cause, `none` for a healthy log or a decoy, `unknown` for a failure that no rule knows."""
import json, pathlib, random

import bundle

here = pathlib.Path(__file__).parent
PY = '/usr/local/lib/python3.11/site-packages'


def traceback(error, *frames):
    lines = ['Traceback (most recent call last):']
    for file, line, name, code in frames or [('/home/user/app/app.py', 7, '<module>', 'main()')]:
        lines += [f'  File "{file}", line {line}, in {name}', f'    {code}']
    return '\n'.join(lines + [error])


UVICORN_START = 'INFO:     Started server process [1]\nINFO:     Waiting for application startup.'
UVICORN_OK = UVICORN_START + '\nINFO:     Application startup complete.\nINFO:     Uvicorn running on http://0.0.0.0:7860 (Press CTRL+C to quit)'
GUNICORN = '[2026-11-30 08:00:01 +0000] [1] [INFO] Starting gunicorn 23.0.0\n[2026-11-30 08:00:01 +0000] [1] [INFO] Listening at: http://0.0.0.0:7860 (1)\n[2026-11-30 08:00:01 +0000] [1] [INFO] Using worker: sync\n[2026-11-30 08:00:01 +0000] [7] [INFO] Booting worker with pid: 7'


def visits(n=3, code='200 OK', path='/'):
    return '\n'.join(f'INFO:     10.16.{n}.{i + 7}:{40000 + i} - "GET {path} HTTP/1.1" {code}' for i in range(n))


def asgi(error, *frames):
    """A request that fails in an app that goes on."""
    return (UVICORN_OK + '\n' + visits(2) + '\nINFO:     10.16.4.9:51234 - "GET /api/tides HTTP/1.1" 500 Internal Server Error\n'
            'ERROR:    Exception in ASGI application\n' + traceback(error, *(frames or [(f'{PY}/starlette/routing.py', 288, 'handle', 'await self.app(scope, receive, send)')])) + '\n' + visits(2, path='/health'))


def startup(error, *frames):
    """uvicorn whose start fails."""
    body = traceback(error, *frames).split('\n')
    body[0] = 'ERROR:    ' + body[0]
    return UVICORN_START + '\n' + '\n'.join(body) + '\n\nERROR:    Application startup failed. Exiting.'


def step(number, command, output, code=1):
    """A failing RUN step of BuildKit."""
    lines = output.split('\n')
    return (f'--> RUN {command}\n' + output + f'\n\n--> ERROR: process "/bin/sh -c {command}" did not complete successfully: exit code: {code}')


PSY = (f'{PY}/psycopg/connection.py', 119, 'connect', 'raise last_ex.with_traceback(None)')
PG = (f'{PY}/asyncpg/connect_utils.py', 934, '__connect_addr', 'await connected')
OPENAI = (f'{PY}/openai/_base_client.py', 1047, 'request', 'raise self._make_status_error_from_response(err.response) from None')
HFH = (f'{PY}/huggingface_hub/utils/_http.py', 409, 'hf_raise_for_status', 'response.raise_for_status()')
SQLITE = ('/home/user/app/store.py', 14, 'open', 'db.execute("PRAGMA journal_mode=WAL")')
ENV = [('/home/user/app/app.py', 9, '<module>', 'TOKEN = os.environ["BOT_TOKEN"]'), ('<frozen os>', 679, '__getitem__', 'raise KeyError(key) from None')]

RUN = [
    ('RT08', 'gunicorn-oom', GUNICORN + '\n' + '10.1.2.3 - - [30/Nov/2026:08:01:00 +0000] "GET / HTTP/1.1" 200 12\n[2026-11-30 08:04:01 +0000] [1] [ERROR] Worker (pid:27) was sent SIGKILL! Perhaps out of memory?\n[2026-11-30 08:04:01 +0000] [28] [INFO] Booting worker with pid: 28', {'stage': 'RUNNING'}),
    ('RT08', 'numpy', 'Loading embeddings\n' + traceback('numpy._core._exceptions._ArrayMemoryError: Unable to allocate 1.14 GiB for an array with shape (400000, 384) and data type float64'), {}),
    ('RT08', 'shell-killed', 'Loading checkpoint shards: 33%|███▎      | 1/3\nKilled', {}),
    ('RT09', 'enospc', 'Downloading model\n' + traceback("OSError: [Errno 28] No space left on device", (f'{PY}/huggingface_hub/file_download.py', 411, 'http_get', 'temp_file.write(chunk)')), {}),
    ('RT09', 'sqlite-full', asgi('sqlite3.OperationalError: database or disk is full'), {}),
    ('P04', 'node', 'node:events:497\n      throw er; // Unhandled \'error\' event\n      ^\n\nError: listen EADDRINUSE: address already in use 0.0.0.0:7860\n    at Server.setupListenHandle [as _listen2] (node:net:1897:16)', {}),
    ('P04', 'streamlit', 'Port 7860 is not available\n', {}),
    ('P04', 'gunicorn', '[2026-11-30 08:00:01 +0000] [1] [INFO] Starting gunicorn 23.0.0\n[2026-11-30 08:00:01 +0000] [1] [ERROR] Connection in use: (\'0.0.0.0\', 7860)\n[2026-11-30 08:00:02 +0000] [1] [ERROR] Can\'t connect to (\'0.0.0.0\', 7860)', {}),
    ('P01', 'django', 'Watching for file changes with StatReloader\nDjango version 5.1, using settings \'site.settings\'\nStarting development server at http://0.0.0.0:8000/\nQuit the server with CONTROL-C.', {}),
    ('P02', 'django-loop', 'Performing system checks...\nDjango version 5.1\nStarting development server at http://127.0.0.1:7860/', {}),
    ('P02', 'aiohttp', '======== Running on http://127.0.0.1:7860 ========\n(Press CTRL+C to quit)', {}),
    ('P02', 'timeout', 'Fetching weights\n* Running on local URL:  http://127.0.0.1:7860\n\nTo create a public link, set `share=True` in `launch()`.', {'stage': 'RUNTIME_ERROR', 'message': 'Launch timed out, workload was not healthy after 30 min'}),
    ('P01', 'port7860-app8000', UVICORN_OK, {'port': 8000}),
    ('P03', 'slow', 'Downloading shards:  42%|████▏     | 3/7\nRunning migrations\nLoading checkpoint shards', {'stage': 'RUNTIME_ERROR', 'message': 'Launch timed out, workload was not healthy after 30 min'}),
    ('P10', 'mcp', UVICORN_OK + '\nWARNING:mcp.server.transport_security:Invalid Host header: acme-tools.hf.space\nINFO:     10.16.1.2:4022 - "POST /mcp HTTP/1.1" 421 Misdirected Request', {}),
    ('P11', 'django-host', GUNICORN + '\nInvalid HTTP_HOST header: \'acme-site.hf.space\'. You may need to add \'acme-site.hf.space\' to ALLOWED_HOSTS.\nBad Request: /', {}),
    ('P11', 'vite', '  VITE v6.0.1  ready in 512 ms\n\n  ➜  Local:   http://localhost:7860/\n  ➜  Network: http://10.0.0.4:7860/\nBlocked request. This host ("acme-ui.hf.space") is not allowed.\nTo allow this host, add "acme-ui.hf.space" to `server.allowedHosts` in vite.config.js.', {}),
    ('D01', 'import-name', traceback("ImportError: cannot import name 'soft_unicode' from 'markupsafe' (/usr/local/lib/python3.10/site-packages/markupsafe/__init__.py)"), {}),
    ('D01', 'libgl', traceback('ImportError: libGL.so.1: cannot open shared object file: No such file or directory', (f'{PY}/cv2/__init__.py', 181, 'bootstrap', 'native_module = importlib.import_module("cv2")')), {}),
    ('D01', 'multipart', traceback('RuntimeError: Form data requires "python-multipart" to be installed. \nYou can install "python-multipart" with: \n\npip install python-multipart'), {}),
    ('D01', 'esm', 'node:internal/modules/esm/resolve:857\n  throw new ERR_MODULE_NOT_FOUND(packageName, fileURLToPath(base), null);\n\nError [ERR_MODULE_NOT_FOUND]: Cannot find package \'hono\' imported from /app/server.mjs\n\nNode.js v20.18.0', {}),
    ('D02', 'hffolder', traceback("ImportError: cannot import name 'HfFolder' from 'huggingface_hub' (/usr/local/lib/python3.10/site-packages/huggingface_hub/__init__.py)", (f'{PY}/gradio/oauth.py', 11, '<module>', 'from huggingface_hub import HfFolder, whoami')), {}),
    ('B04', 'pkg', traceback("ModuleNotFoundError: No module named 'pkg_resources'", (f'{PY}/lightning/__init__.py', 5, '<module>', 'import pkg_resources')), {}),
    ('D03', 'cache', traceback("PermissionError: [Errno 13] Permission denied: '/.cache'", ('<frozen os>', 225, 'makedirs', 'mkdir(name, mode)')), {}),
    ('D03', 'code', traceback("PermissionError: [Errno 13] Permission denied: '/code/uploads'"), {}),
    ('D03', 'nginx', 'nginx: [warn] the "user" directive makes sense only if the master process runs with super-user privileges\nnginx: [emerg] mkdir() "/var/cache/nginx/client_temp" failed (13: Permission denied)', {}),
    ('D03', 'node', "Error: EACCES: permission denied, mkdir '/app/.next/cache'\n    at async Object.mkdir (node:internal/fs/promises:858:10) {\n  errno: -13,\n  code: 'EACCES'\n}\n\nNode.js v20.18.0", {}),
    ('D03', 'shell', 'mkdir: cannot create directory ‘/var/lib/app’: Permission denied', {}),
    ('D03', 'sqlite', asgi('sqlite3.OperationalError: attempt to write a readonly database'), {}),
    ('D04', 'data', traceback("PermissionError: [Errno 13] Permission denied: '/data/store/state.json'"), {}),
    ('D05', 'locked', asgi('sqlite3.OperationalError: database is locked', SQLITE), {}),
    ('D05', 'malformed', asgi('sqlite3.DatabaseError: database disk image is malformed', SQLITE), {}),
    ('D06', 'eperm', traceback("PermissionError: [Errno 1] Operation not permitted: '/data/model.tmp' -> '/data/model.bin'"), {}),
    ('D07', 'environ', traceback("KeyError: 'BOT_TOKEN'", *ENV), {}),
    ('D07', 'unbound', 'Starting up\n/app/start.sh: line 4: DATABASE_URL: unbound variable', {}),
    ('D07', 'openai', traceback('openai.OpenAIError: Missing credentials. Please pass an `api_key`, or set the OPENAI_API_KEY or OPENAI_ADMIN_KEY environment variable.', (f'{PY}/openai/_client.py', 137, '__init__', 'raise OpenAIError(')), {}),
    ('D07', 'django', traceback('django.core.exceptions.ImproperlyConfigured: The SECRET_KEY setting must not be empty.'), {}),
    ('D07', 'pydantic', traceback('pydantic_core._pydantic_core.ValidationError: 2 validation errors for Settings\nopenai_api_key\n  Field required [type=missing, input_value={}, input_type=dict]', ('/home/user/app/config.py', 12, '<module>', 'settings = Settings()')), {}),
    ('D07', 'sqlalchemy', traceback('sqlalchemy.exc.ArgumentError: Expected string or URL object, got None', (f'{PY}/sqlalchemy/engine/url.py', 922, 'make_url', 'raise exc.ArgumentError(')), {}),
    ('D08', 'h11', traceback("httpx.LocalProtocolError: Illegal header value b'Bearer hf_xxx\\n'", (f'{PY}/h11/_util.py', 91, 'validate', 'raise LocalProtocolError(msg)')), {}),
    ('D08', 'requests', traceback("requests.exceptions.InvalidHeader: Invalid leading whitespace, reserved character(s), or return character(s) in header value: 'Bearer x\\n'"), {}),
    ('D08', 'dbname', startup('psycopg.OperationalError: connection failed: connection to server at "34.1.2.3", port 5432 failed: FATAL:  database "tide\n" does not exist', PSY), {}),
    ('D09', 'psycopg', startup('psycopg.OperationalError: connection failed: connection to server at "2a05:d018:135e:16dd::1", port 5432 failed: Network is unreachable\n\tIs the server running on that host and accepting TCP/IP connections?', PSY), {}),
    ('D09', 'asyncpg', startup('OSError: [Errno 101] Network is unreachable', PG), {}),
    ('D10', 'psycopg3', startup('psycopg.errors.ConnectionTimeout: connection timeout expired', PSY), {}),
    ('D10', 'smtp', traceback('TimeoutError: timed out', ('/usr/local/lib/python3.11/smtplib.py', 312, '_get_socket', 'return socket.create_connection((host, port), timeout,')), {}),
    ('D10', 'redis', startup('redis.exceptions.TimeoutError: Timeout connecting to server', (f'{PY}/redis/connection.py', 279, 'connect', 'raise TimeoutError("Timeout connecting to server")')), {}),
    ('D10', 'mongo', startup('pymongo.errors.ServerSelectionTimeoutError: cluster0-shard-00-00.ab1cd.mongodb.net:27017: timed out (configured timeouts: socketTimeoutMS: 20000.0ms)'), {}),
    ('D11', 'telegram', traceback('telegram.error.TimedOut: Timed out', (f'{PY}/telegram/request/_httpxrequest.py', 293, 'do_request', 'raise TimedOut from err')), {}),
    ('D12', 'node', "Error: getaddrinfo EAI_AGAIN api.tides.example\n    at GetAddrInfoReqWrap.onlookupall [as oncomplete] (node:dns:120:26) {\n  errno: -3001,\n  code: 'EAI_AGAIN',\n  syscall: 'getaddrinfo'\n}\n\nNode.js v20.18.0", {}),
    ('D12', 'requests', traceback("requests.exceptions.ConnectionError: HTTPSConnectionPool(host='api.tides.example', port=443): Max retries exceeded with url: /v1 (Caused by NameResolutionError(\"<urllib3.connection.HTTPSConnection object>: Failed to resolve 'api.tides.example' ([Errno -3] Temporary failure in name resolution)\"))"), {}),
    ('D13', 'zero', traceback('RuntimeError: CUDA has been initialized before importing the `spaces` package', (f'{PY}/spaces/zero/__init__.py', 20, '<module>', 'raise RuntimeError(')), {}),
    ('D15', 'duration', UVICORN_OK + '\n' + traceback('gradio.exceptions.Error: \'ZeroGPU illegal duration: The requested GPU duration (300s) is larger than the maximum allowed\''), {}),
    ('D17', 'weights', traceback('_pickle.UnpicklingError: Weights only load failed. This file can still be loaded, to do so you have two options'), {}),
    ('D18', 'oom', asgi('torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 14.58 GiB of which 1.2 GiB is free.'), {}),
    ('D19', 'gated', traceback('huggingface_hub.errors.GatedRepoError: 401 Client Error. (Request ID: Root=1-6)\n\nCannot access gated repo for url https://huggingface.co/meta-llama/Llama-3.1-8B/resolve/main/config.json.\nAccess to model meta-llama/Llama-3.1-8B is restricted. You must have access to it and be authenticated to access it.', HFH), {}),
    ('D19', 'notfound', traceback('huggingface_hub.errors.RepositoryNotFoundError: 401 Client Error. (Request ID: Root=1-6)\n\nRepository Not Found for url: https://huggingface.co/api/models/acme/private.\nInvalid username or password.', HFH), {}),
    ('D22', 'flask', ' * Serving Flask app \'app\'\n * Debug mode: on\n * Running on all addresses (0.0.0.0)\n * Running on http://127.0.0.1:7860\n * Restarting with stat\n * Debugger is active!\n * Detected change in \'/home/user/app/log.py\', reloading\n * Restarting with stat', {}),
    ('DB01', 'pg', startup('psycopg.OperationalError: connection failed: connection to server at "34.1.2.3", port 5432 failed: FATAL:  password authentication failed for user "tide"', PSY), {}),
    ('DB01', 'mysql', traceback("pymysql.err.OperationalError: (1045, \"Access denied for user 'tide'@'10.1.2.3' (using password: YES)\")"), {}),
    ('DB02', 'pg', startup('psycopg2.OperationalError: connection to server at "localhost" (127.0.0.1), port 5432 failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?', PSY), {}),
    ('DB02', 'node', "Error: connect ECONNREFUSED 127.0.0.1:5432\n    at /app/node_modules/pg-pool/index.js:45:11\n    at process.processTicksAndRejections (node:internal/process/task_queues:95:5) {\n  code: 'ECONNREFUSED'\n}\n\nNode.js v20.18.0", {}),
    ('DB03', 'relation', asgi('psycopg.errors.UndefinedTable: relation "stations" does not exist\nLINE 1: SELECT * FROM stations'), {}),
    ('DB03', 'database', startup('psycopg.OperationalError: connection failed: connection to server at "34.1.2.3", port 5432 failed: FATAL:  database "tides" does not exist', PSY), {}),
    ('DB04', 'hba', startup('psycopg.OperationalError: connection failed: connection to server at "34.1.2.3", port 5432 failed: FATAL:  no pg_hba.conf entry for host "10.1.2.3", user "tide", database "tide", no encryption', PSY), {}),
    ('DB04', 'nossl', startup('psycopg.OperationalError: connection failed: connection to server at "10.0.0.9", port 5432 failed: server does not support SSL, but SSL was required', PSY), {}),
    ('DB04', 'sslmode', startup("TypeError: connect() got an unexpected keyword argument 'sslmode'", PG), {}),
    ('DB05', 'dialect', traceback("sqlalchemy.exc.NoSuchModuleError: Can't load plugin: sqlalchemy.dialects:postgres"), {}),
    ('DB06', 'slots', asgi('psycopg.OperationalError: connection failed: FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute', PSY), {}),
    ('DB07', 'table', asgi('psycopg.errors.InsufficientPrivilege: permission denied for table admin_only'), {}),
    ('EP01', 'env', "/usr/bin/env: ‘bash\\r’: No such file or directory\n/usr/bin/env: use -[v]S to pass options in shebang lines", {}),
    ('EP01', 'pipefail', 'start.sh: line 2: set: pipefail\r: invalid option name', {}),
    ('EP02', 'exec', 'exec /usr/local/bin/server: exec format error', {}),
    ('EP03', 'runc', 'runc create failed: unable to start container process: error during container init: exec: "uvicorn": executable file not found in $PATH: unknown', {}),
    ('EP03', 'file', "python: can't open file '/home/user/app/main.py': [Errno 2] No such file or directory", {}),
    ('EP04', 'entry', 'exec: "./entrypoint.sh": permission denied: unknown', {}),
    ('EP04', 'sh', '/bin/sh: 1: ./entrypoint.sh: Permission denied', {}),
    ('CD01', 'py', '  File "/home/user/app/app.py", line 31\n    return {"ok": True\n           ^\nSyntaxError: \'{\' was never closed', {}),
    ('CD01', 'node', '/app/server.js:3\nconst a = ;\n          ^\n\nSyntaxError: Unexpected token \';\'\n    at wrapSafe (node:internal/modules/cjs/loader:1378:20)\n\nNode.js v20.18.0', {}),
    ('CD02', 'attr', 'ERROR:    Error loading ASGI app. Attribute "app" not found in module "main".', {}),
    ('MF01', 'safetensors', traceback('safetensors_rust.SafetensorError: Error while deserializing header: header too large'), {}),
    ('MF02', 'cpu', traceback('RuntimeError: Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and installed a driver', (f'{PY}/torch/cuda/__init__.py', 412, '_lazy_init', 'torch._C._cuda_init()')), {}),
    ('MF02', 'compiled', traceback('AssertionError: Torch not compiled with CUDA enabled'), {}),
    ('MF03', 'offline', traceback("OSError: We couldn't connect to 'https://huggingface.co' to load the files, and couldn't find them in the cached files."), {}),
    ('GR01', 'dict', traceback("TypeError: unhashable type: 'dict'", (f'{PY}/jinja2/utils.py', 515, '__getitem__', 'rv = self._mapping[key]')) + '\n' + traceback('ValueError: When localhost is not accessible, a shareable link must be created. Please set share=True or check your proxy settings to allow access to localhost.', (f'{PY}/gradio/blocks.py', 2577, 'launch', 'raise ValueError(')), {}),
    ('S06', 'commits', 'INFO worker: pushed 12 rows\n' + traceback('huggingface_hub.errors.HfHubHTTPError: 429 Client Error: Too Many Requests for url: https://huggingface.co/api/datasets/acme/log/commit/main (Request ID: Root=1-6)\n\nYou have exceeded the rate limit for repository commits (128 per hour).', HFH), {}),
    ('S10', 'cast', traceback("datasets.table.CastError: Couldn't cast\nid: int64\nto\n{'id': Value('string')}\nbecause column names don't match"), {}),
    ('S11', 'type', traceback("TypeError: Couldn't cast array of type string to null"), {}),
    ('L01', 'credits', asgi('openai.APIStatusError: Error code: 402 - {\'error\': \'You have depleted your monthly included credits.\'}', OPENAI), {}),
    ('L02', 'rights', asgi("openai.PermissionDeniedError: Error code: 403 - {'error': 'This authentication method does not have sufficient permissions to call Inference Providers on behalf of user acme'}", OPENAI), {}),
    ('L03', 'provider', asgi("openai.BadRequestError: Error code: 400 - {'error': {'message': \"The requested model 'acme/none' is not supported by any provider you have enabled.\"}}", OPENAI), {}),
    ('RT07', 'limit', 'Loading model', {'stage': 'RUNTIME_ERROR', 'message': 'Memory limit exceeded (16Gi)'}),
    ('RT11', 'capacity', '', {'stage': 'RUNTIME_ERROR', 'message': 'Scheduling failure: not enough hardware capacity'}),
    ('RT14', 'ended', 'Done: 12 rows', {'stage': 'RUNTIME_ERROR', 'message': 'Exit code: 0. Reason: Done: 12 rows'}),
    # Decoys and healthy logs.
    ('none', 'healthy', UVICORN_OK + '\n' + visits(6), {}),
    ('none', 'healthy-quiet', UVICORN_OK, {}),
    ('none', 'flask', " * Serving Flask app 'app'\n * Debug mode: off\nWARNING: This is a development server. Do not use it in a production deployment.\n * Running on all addresses (0.0.0.0)\n * Running on http://127.0.0.1:7860\n * Running on http://10.0.0.3:7860\nPress CTRL+C to quit", {}),
    ('none', 'gunicorn', GUNICORN, {}),
    ('none', 'path', UVICORN_OK + '\n' + visits(3, '404 Not Found', '/docs/ModuleNotFoundError'), {}),
    ('none', 'newline', UVICORN_OK + '\n' + visits(3, '422 Unprocessable Entity', '/stations/x%0A'), {}),
    ('none', 'handled', 'WARNING:root:xformers is not installed, falling back to plain attention\n' + UVICORN_OK + '\n' + visits(3), {}),
    ('none', 'handled-traceback', 'ERROR:app:could not load the cache, continuing without it\n' + traceback("FileNotFoundError: [Errno 2] No such file or directory: '/tmp/cache.json'") + '\n' + UVICORN_OK + '\n' + visits(2), {}),
    ('none', 'matplotlib', 'Matplotlib created a temporary cache directory at /tmp/matplotlib-x because the default path (/.config/matplotlib) is not a writable directory; Permission denied\n' + UVICORN_OK, {}),
    ('none', 'nginx-inner', '2026-11-30 08:00:01,102 INFO spawned: \'nginx\' with pid 8\n2026-11-30 08:00:02,104 INFO success: nginx entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)\nINFO:     Application startup complete.\nINFO:     Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C to quit)', {}),
    ('none', 'second-server', UVICORN_OK + '\nINFO:     Uvicorn running on http://0.0.0.0:9100 (Press CTRL+C to quit)', {}),
    ('none', 'metrics-only-port', 'INFO: metrics: Serving HTTP on 127.0.0.1 port 9100\n' + UVICORN_OK, {}),
    ('none', 'watch-config', 'INFO watcher: will watch for changes in config.yaml\n' + UVICORN_OK + '\n' + visits(2), {}),
    ('none', 'retry', 'INFO db: connecting\nWARNING db: connection to server at "10.0.0.2", port 5432 failed: Connection refused, retrying in 2 s\nINFO db: connected to database\n' + UVICORN_OK + '\n' + visits(2), {}),
    ('none', 'docker-port', 'INFO:     Uvicorn running on http://0.0.0.0:8000 (Press CTRL+C to quit)\n' + visits(3), {'port': 8000}),
    ('none', 'tests', 'tests/test_errors.py::test_missing_key PASSED\ntests/test_errors.py::test_ModuleNotFoundError PASSED\n' + UVICORN_OK, {}),
    ('none', 'user-text', UVICORN_OK + '\nINFO:chat: question: "why do I see ModuleNotFoundError: No module named \'torch\'?"\n' + visits(2), {}),
    ('none', 'gradio', '* Running on local URL:  http://0.0.0.0:7860\n\nTo create a public link, set `share=True` in `launch()`.', {}),
    ('none', 'killed-job', UVICORN_OK + '\nINFO jobs: job 12 was cancelled (killed by its owner)\n' + visits(2), {}),
    ('none', 'rate', UVICORN_OK + '\n' + visits(3, '429 Too Many Requests', '/resolve/main/x'), {}),
    ('none', 'refused-handled', UVICORN_OK + '\nWARNING:cache: redis 127.0.0.1:6379: Connection refused, caching in memory, ignored\n' + visits(3), {}),
    ('none', 'oauth-401', UVICORN_OK + '\n' + visits(4, '401 Unauthorized', '/api/me') + '\n' + visits(2), {}),
    ('none', 'streamlit', '\n  You can now view your Streamlit app in your browser.\n\n  Local URL: http://localhost:7860\n  Network URL: http://10.0.0.3:7860\n  External URL: http://34.1.2.3:7860\n', {}),
    ('none', 'restarted', '===== Application Startup at 2026-11-30 07:00:00 =====\n\n' + traceback("ModuleNotFoundError: No module named 'pandas'") + '\n===== Application Startup at 2026-11-30 08:00:00 =====\n\n' + UVICORN_OK + '\n' + visits(2), {}),
    ('none', 'recovered', UVICORN_OK + '\n' + visits(1) + '\nERROR:db: psycopg.OperationalError: server closed the connection unexpectedly port 5432\nINFO:db: reconnected\n' + visits(3), {}),
    ('unknown', 'key', traceback("KeyError: 'station'", ('/home/user/app/app.py', 12, 'name', 'return row["station"]')), {}),
    ('unknown', 'value', traceback("ValueError: could not convert string to float: '—'"), {}),
    ('unknown', 'assert', 'Loaded 3 stations\n' + traceback('AssertionError'), {}),
    ('unknown', 'panic', "thread 'main' panicked at src/main.rs:12:5:\nindex out of bounds: the len is 3 but the index is 9", {}),
]
FROM = '--> FROM docker.io/library/python:3.11-slim@sha256:0f1e\nDONE 0.0s\n--> WORKDIR /app\nDONE 0.0s\n'
PIP = '--> RUN pip install --no-cache-dir -r requirements.txt\nCollecting fastapi\n  Downloading fastapi-0.115.0-py3-none-any.whl (94 kB)\n'
PUSH = '--> Pushing image\nDONE 2.1s\n--> Exporting cache\nDONE 0.3s\n'
BUILD = [
    ('B01', 'impossible', PIP + 'ERROR: Cannot install gradio==4.44.1 and pydantic==2.12.0 because these package versions have conflicting dependencies.\nERROR: ResolutionImpossible: for help visit https://pip.pypa.io/en/latest/topics/dependency-resolution/', {}),
    ('B01', 'uv', '--> RUN uv pip install --system -r requirements.txt\n  × No solution found when resolving dependencies:\n  ╰─▶ Because fastapi==0.115.0 depends on starlette>=0.37.2,<0.39.0\n--> ERROR: process "/bin/sh -c uv pip install" did not complete successfully: exit code: 1', {}),
    ('B01', 'npm', step(4, 'npm ci', 'npm error code ERESOLVE\nnpm error ERESOLVE could not resolve'), {}),
    ('B03', 'pin', PIP + 'ERROR: Could not find a version that satisfies the requirement torch==1.7.1 (from versions: 2.0.0, 2.1.0)\nERROR: No matching distribution found for torch==1.7.1', {}),
    ('B04', 'pkg', PIP + '  Getting requirements to build wheel: finished with status \'error\'\n  error: subprocess-exited-with-error\n      ModuleNotFoundError: No module named \'pkg_resources\'', {}),
    ('B05', 'apt', step(3, 'apt-get install -y libgl1-mesa-glx', "Reading package lists...\nPackage libgl1-mesa-glx is not available, but is referred to by another package.\nE: Package 'libgl1-mesa-glx' has no installation candidate", 100), {}),
    ('B05', 'locate', step(3, 'apt-get install -y libfoo9', 'E: Unable to locate package libfoo9', 100), {}),
    ('B06', 'uid', step(3, 'useradd -m -u 1000 user', 'useradd: UID 1000 is not unique', 4), {}),
    ('B07', 'copy', '--> COPY requirements.txt .\n--> ERROR: failed to calculate checksum of ref 6c1f::x: "/requirements.txt": not found', {}),
    ('B07', 'cachekey', '--> COPY dist/ ./dist/\nERROR: failed to solve: failed to compute cache key: failed to calculate checksum of ref a::b: "/dist": not found', {}),
    ('B08', 'tag', '--> ERROR: failed to resolve source metadata for docker.io/library/python:3.10.99-slim: docker.io/library/python:3.10.99-slim: not found', {}),
    ('B08', 'limit', 'ERROR: failed to solve: python:3.11: failed to resolve source metadata for docker.io/library/python:3.11: unexpected status: 429 Too Many Requests - toomanyrequests: You have reached your pull rate limit.', {}),
    ('B08', 'denied', 'ERROR: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed', {}),
    ('B09', 'space', step(5, 'pip install -r requirements.txt', 'ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device'), {}),
    ('B10', 'cat', step(4, 'git clone https://$(cat /run/secrets/GH_PAT)@github.com/a/b', 'cat: /run/secrets/GH_PAT: No such file or directory'), {}),
    ('B10', 'required', '--> RUN --mount=type=secret,id=GH_PAT,required=true cat /run/secrets/GH_PAT\nERROR: failed to solve: secret GH_PAT: not found', {}),
    ('B11', 'data', step(6, 'mkdir -p /data/models', 'mkdir: cannot create directory ‘/data/models’: Permission denied'), {}),
    ('B12', 'smi', step(6, 'nvidia-smi', '/bin/sh: 1: nvidia-smi: not found', 127), {}),
    ('B15', 'oom', step(6, 'pip install flash-attn', 'Building wheels for collected packages: flash-attn\nKilled', 137), {}),
    ('BD01', 'gcc', PIP + "  error: subprocess-exited-with-error\n  building 'hnswlib' extension\n  error: command 'gcc' failed: No such file or directory\nERROR: Failed to build installable wheels for some pyproject.toml based projects (hnswlib)", {}),
    ('BD02', 'git', PIP + "  ERROR: Error [Errno 2] No such file or directory: 'git' while executing command git version\nERROR: Cannot find command 'git' - do you have 'git' installed and in your PATH?", {}),
    ('BD03', 'pg', PIP + '  Error: pg_config executable not found.\n  pg_config is required to build psycopg2 from source.\nerror: metadata-generation-failed', {}),
    ('BD04', 'hash', PIP + 'ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n    idna==3.10:\n        Expected sha256 aaaa\n             Got        bbbb', {}),
    ('BD05', 'invalid', PIP + "ERROR: Invalid requirement: 'fastapi=>0.1': Expected end or semicolon (from line 1 of requirements.txt)", {}),
    ('BD06', 'ci', step(4, 'npm ci', 'npm error code EUSAGE\nnpm error\nnpm error The `npm ci` command can only install with an existing package-lock.json or'), {}),
    ('BD07', 'parse', 'ERROR: failed to solve: dockerfile parse error on line 7: unknown instruction: RUNN (did you mean RUN?)', {}),
    ('BD08', 'missing', step(4, 'poetry install', '/bin/sh: 1: poetry: not found', 127), {}),
    ('BD10', 'dns', step(4, 'apt-get update', 'Err:1 http://deb.debian.org/debian bookworm InRelease\n  Temporary failure resolving \'deb.debian.org\'\nE: Failed to fetch http://deb.debian.org/debian/dists/bookworm/InRelease', 100), {}),
    ('BD11', 'ts', step(8, 'npm run build', "src/main.ts(3,7): error TS2322: Type 'string' is not assignable to type 'number'.", 2), {}),
    ('EP01', 'crlf', step(5, './build.sh', "/usr/bin/env: ‘bash\\r’: No such file or directory", 127), {}),
    ('none', 'ok', PIP + 'Successfully installed fastapi-0.115.0\nDONE 12.0s\n' + PUSH, {}),
    ('none', 'ok-warnings', PIP + 'WARNING: Running pip as the \'root\' user can result in broken permissions\nnpm warn deprecated glob@7.2.3: no longer supported\ndebconf: delaying package configuration, since apt-utils is not installed\nDONE 9.0s\n' + PUSH, {}),
    ('none', 'ok-tests', '--> RUN pytest -q\ntest_app.py::test_no_space_left_on_device PASSED\ntest_app.py::test_killed PASSED\nDONE 3.0s\n' + PUSH, {}),
    ('none', 'ok-gcc', PIP + "checking for gcc... gcc\nchecking for fatal error: none\nSuccessfully built hnswlib\nDONE 33.0s\n" + PUSH, {}),
    ('none', 'ok-retry', PIP + "WARNING: Retrying (Retry(total=4)) after connection broken by 'ReadTimeoutError(\"Read timed out.\")'\nSuccessfully installed x-1\nDONE 20.0s\n" + PUSH, {}),
    ('none', 'ok-errorpages', '--> COPY error: pages/ ./error/\nCACHED\n--> RUN ls errors\n404.html 500.html Permission denied.html\nDONE 0.1s\n' + PUSH, {}),
    ('none', 'going-on', FROM + PIP + 'Collecting starlette', {'stage': 'BUILDING'}),
    ('unknown', 'script', step(4, 'python tools/prepare.py', 'AssertionError: 3 stations wanted'), {}),
]

# The lines alone, without noise: written after the rules, to see what they miss.
SHORT = json.loads((here / 'short.json').read_text())


def noisy(text, kind, rng):
    """The same log as a container writes it: a head, chatter, colours, times."""
    lines = text.split('\n')
    if kind == 'run':
        chatter = ['Matplotlib is building the font cache; this may take a moment.', 'config.json: 100%|██████████| 612/612 [00:00<00:00, 4.1MB/s]', 'Loaded 128 stations from stations.json',
                   '/usr/local/lib/python3.11/site-packages/transformers/utils/hub.py:111: FutureWarning: Using `TRANSFORMERS_CACHE` is deprecated', 'INFO:root:reading settings', 'tokenizer.json: 100%|██████████| 9.08M/9.08M [00:00<00:00, 41.0MB/s]']
        head = ['===== Application Startup at 2026-11-30 08:00:00 =====', '']
    else:
        chatter = ['--> RUN apt-get update', 'Get:1 http://deb.debian.org/debian bookworm InRelease [151 kB]', 'Reading package lists...', 'DONE 4.2s', '--> WORKDIR /home/user/app', 'DONE 0.0s', 'Collecting idna', '  Downloading idna-3.10-py3-none-any.whl (70 kB)']
        head = ['===== Build Queued at 2026-11-30 07:58:00 / Commit SHA: 1a2b3c4 =====', '']
    some = rng.sample(chatter, rng.randrange(1, len(chatter)))
    own = '===== ' in text
    out = ([] if own else head) + ([] if own else some) + lines
    style = rng.randrange(4)
    if style == 1:
        out = [f'\x1b[{rng.choice((31, 32, 33, 90))}m{line}\x1b[0m' if line.strip() and rng.random() < .5 else line for line in out]
    if style == 2 and kind == 'build':
        out = [f'#{9} {i / 10:.3f} {line}' if line and not line.startswith(('=', '-->', 'ERROR', '#')) else line for i, line in enumerate(out)]
    if kind == 'build' and 'Pushing' not in text and rng.random() < .4:
        out += ['cache miss: [base 2/7] RUN apt-get update && apt-get install -y git', 'cache miss: [base 3/7] RUN pip install torch']
    return '\n'.join(out) + '\n'


def main():
    logs = []
    for kind, table in (('run', RUN), ('build', BUILD)):
        for expect, name, text, more in table:
            for variant in range(3 if expect in ('none', 'unknown') else 2):
                rng = random.Random(f'{kind}-{expect}-{name}-{variant}')
                whole = text if variant == 0 and kind == 'run' else noisy((FROM if kind == 'build' else '') + text, kind, rng)
                logs.append(({'name': f'{kind}-{expect}-{name}-{variant}', 'kind': kind, 'expect': expect, **more}, whole))
    for log in SHORT:
        logs.append(({'name': 'short-' + log['name'], 'kind': log['kind'], 'expect': log['expect']}, log['text']))
    bundle.write(here / 'composed.logs', logs)


if __name__ == '__main__':
    main()
