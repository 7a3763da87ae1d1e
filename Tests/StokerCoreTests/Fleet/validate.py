"""Validates YAML files against the JSON Schema with the reference validator.

usage: validate.py SCHEMA FILE…   prints one line a file: "valid NAME", "invalid NAME: why" or "unreadable NAME".
"""
import pathlib
import sys

import jsonschema
import yaml

schema = __import__("json").loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
for argument in sys.argv[2:]:
    path = pathlib.Path(argument)
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except Exception:  # any parser's complaint means the same here
        print("unreadable", path.name)
        continue
    errors = sorted(validator.iter_errors(document), key=lambda error: list(map(str, error.absolute_path)))
    if errors:
        print(f"invalid {path.name}: {errors[0].message[:100]}")
    else:
        print("valid", path.name)
