#!/usr/bin/env python3
"""Compares what each target imports with what Package.swift declares for it. Exits 1 when they differ.

A target that imports a module it does not declare builds only as long as something else happens to bring the module.
A declared module that nobody imports costs build time and hides the real arrows between the rooms.
"""
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOOLCHAIN = {"Dispatch", "Foundation", "FoundationEssentials", "FoundationXML", "Glibc", "Musl", "Darwin", "Synchronization", "Testing"}
IMPORT = re.compile(
    r"^(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?import\s+"
    r"(?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)?(\w+)",
    re.MULTILINE,
)


def main() -> int:
    dump = subprocess.run(["swift", "package", "dump-package"], cwd=ROOT, capture_output=True, text=True, check=True)
    package = json.loads(dump.stdout)
    executables = {target["name"] for target in package["targets"] if target["type"] == "executable"}
    problems: list[str] = []
    used: set[str] = set()
    for target in package["targets"]:
        folder = target.get("path") or ("Tests/" if target["type"] == "test" else "Sources/") + target["name"]
        declared: set[str] = set()
        for dependency in target["dependencies"]:
            (kind, words), = dependency.items()
            declared.add(words[0])
            if kind == "product":
                used.add(words[1].lower())
        imported: set[str] = set()
        for file in (ROOT / folder).rglob("*.swift"):
            imported.update(IMPORT.findall(file.read_text(encoding="utf-8")))
        imported -= TOOLCHAIN
        if target["type"] == "test":
            declared -= executables  # The tests start these programs, so they must be built; nothing is imported.
        if target["type"] == "system":
            continue
        name = target["name"]
        problems += [f"{name} imports {module} and does not declare it" for module in sorted(imported - declared)]
        problems += [f"{name} declares {module} and does not import it" for module in sorted(declared - imported)]
    for dependency in package["dependencies"]:
        (details,), = dependency.values()
        if details["identity"] not in used:
            problems.append(f"no target uses the package {details['identity']}")
    for problem in problems:
        print(f"Package.swift: {problem}")
    return 1 if problems else 0


sys.exit(main())
