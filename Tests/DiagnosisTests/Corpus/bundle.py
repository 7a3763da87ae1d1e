"""Bundles of labelled logs; README.md has the format."""
import json, pathlib


def write(path, logs):
    """logs: pairs of a label (a dict with name, kind, expect) and a text."""
    parts = []
    for label, text in logs:
        assert '\n%%% ' not in '\n' + text, label
        parts.append('%%% ' + json.dumps(label, ensure_ascii=False) + '\n' + (text if text.endswith('\n') or not text else text + '\n'))
    pathlib.Path(path).write_text(''.join(parts), newline='')
    silent = sum(label['expect'] in ('none', 'unknown') for label, _ in logs)
    print(f'{path}: {len(logs) - silent} failing, {silent} silent')


def read(path):
    path = pathlib.Path(path)
    if not path.exists():
        return []
    found = []
    for part in ('\n' + path.read_bytes().decode()).split('\n%%% ')[1:]:
        head, _, text = part.partition('\n')
        found.append((json.loads(head), text + '\n'))
    return found
