"""Does what a builder does with a Dockerfile's RUN lines, and prints like one: STYLE 0 the Hub's, 1 BuildKit's plain progress."""
import json, os, subprocess, sys, time
style, steps = int(sys.argv[1]), json.loads(open(sys.argv[2]).read())
if style == 0:
    print('===== Build Queued at 2026-11-30 08:11:40 / Commit SHA: 9f8e7d6 =====\n')
else:
    print('#0 building with "default" instance using docker-container driver\n\n#1 [internal] load build definition from Dockerfile\n#1 transferring dockerfile: 812B done\n#1 DONE 0.0s\n')
n, total = 4, len(steps)
for i, (what, arg) in enumerate(steps):
    head = f'{what} {arg}'
    t0 = time.time()
    if what in ('FAIL', 'SAY'): pass
    elif style == 0: print('--> ' + head, flush=True)
    else: print(f'#{n} [{i + 1}/{total}] {head}', flush=True)
    def line(s):
        print(s if style == 0 or not s else f'#{n} {time.time() - t0:.3f} {s}', flush=True)
    if what == 'RUN':
        cmd = arg
        while cmd.startswith('--mount'): cmd = cmd.split(' ', 1)[1]
        p = subprocess.Popen(['sh', '-c', cmd], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for raw in p.stdout: line(raw.decode(errors='replace').rstrip('\n'))
        code = p.wait()
        if code < 0: code = 128 - code
        if code:
            said = f'process "/bin/sh -c {cmd}" did not complete successfully: exit code: {code}'
            if style == 0: print(f'\n--> ERROR: {said}')
            else: print(f'#{n} ERROR: {said}\n------\n > [{i + 1}/{total}] {head}:\n------\nDockerfile:{i + 3}\n--------------------\n   {i + 2} |     \n   {i + 3} | >>> {head}\n--------------------\nERROR: failed to solve: {said}')
            sys.exit(1)
    elif what == 'FAIL':
        print(arg); sys.exit(1)
    elif what == 'SAY':
        print(arg)
    if style == 0: print(f'DONE {time.time() - t0:.1f}s')
    else: print(f'#{n} DONE {time.time() - t0:.1f}s\n')
    n += 1
if style == 0: print('--> Pushing image\nDONE 6.4s\n\n--> Exporting cache\nDONE 1.1s\n')
else: print(f'#{n} exporting to image\n#{n} exporting layers 3.1s done\n#{n} writing image sha256:1f2e3d done\n#{n} naming to registry.hf.space/acme-tide:cpu-1 done\n#{n} DONE 3.4s')
