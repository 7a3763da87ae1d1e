#!/usr/bin/env python3
"""Writes the list of all operations, Sources/Operations/Operation+All.swift, from their declarations: `package static let NAME = Operation(`,
or with a type, `package static let NAME: Operation = …`. With --check it changes nothing and exits 1 when the list is not up to date.

The order is that of documentation. Operations that are listed keep their place, so it may be changed by hand; a new one comes behind the last one of its folder.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "Sources/Operations"
LIST = FOLDER / "Operation+All.swift"
DECLARATION = re.compile(r"^    (?:package )?static let (\w+)(?:: Operation =|\s*=\s*Operation\()", re.MULTILINE)
HEAD = """// Written by Scripts/list-operations.py from the declarations in this folder.

extension Operation {
    /// Everything that can be asked for, in the order documentation shows it.
    package static let all: [Operation] = [
"""
TAIL = """    ]
}
"""


def main() -> int:
    declared = {
        name: path.parent
        for path in sorted(FOLDER.rglob("*.swift"))
        if path != LIST
        for name in DECLARATION.findall(path.read_text())
    }
    before = LIST.read_text() if LIST.exists() else ""
    names = [name for name in dict.fromkeys(re.findall(r"^        (\w+),$", before, re.MULTILINE)) if name in declared]
    for name, folder in declared.items():
        if name not in names:
            last = max((at for at, other in enumerate(names) if declared[other] == folder), default=len(names) - 1)
            names.insert(last + 1, name)
    after = HEAD + "".join(f"        {name},\n" for name in names) + TAIL
    if after == before:
        return 0
    if "--check" in sys.argv[1:]:
        print("Sources/Operations/Operation+All.swift is not up to date: run Scripts/list-operations.py")
        return 1
    LIST.write_text(after)
    return 0


if __name__ == "__main__":
    sys.exit(main())
