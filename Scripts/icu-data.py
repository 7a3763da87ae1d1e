#!/usr/bin/env python3
"""Writes the part of Foundation's ICU tables that Stoker needs: icu-data.py ARCHIVE FOLDER

ARCHIVE is the toolchain's lib_FoundationICU.a. Of its 34 MB of tables, those of other languages, and converters between encodings,
serve programs that talk to people in their own language; Stoker's text is English. What stays: time zones, normal forms, character
properties, the root locale and English. The archive's copy
in FOLDER has them in the place of the others.

The format: a header whose first two bytes are its length, a count, then for each item the offsets of its name and its data.
Source: icu4c/source/common/ucmndata.h (UDataOffsetTOC).
"""
import pathlib
import shutil
import struct
import subprocess
import sys

archive, folder = sys.argv[1], pathlib.Path(sys.argv[2])
member = "icu_packaged_data.cpp.o"
tools = pathlib.Path(archive).resolve().parents[3] / "bin"


def keeps(name):
    parts = name.split("/")[1:]
    if len(parts) == 1:
        stem, _, kind = parts[0].rpartition(".")
        if kind == "cnv":
            return False
        # Locales are named by language and country; other tables have long names.
        is_locale = kind == "res" and stem[:2].islower() and len(stem.split("_")[0]) in (2, 3)
        return not is_locale or stem.split("_")[0] == "en" or stem == "root"
    if parts[0] in ("translit", "rbnf"):
        return False
    return parts[1] in ("root.res", "pool.res", "en.res", "supplementalData.res", "ucadata.icu") or parts[1].endswith(".brk")


subprocess.run(["ar", "x", archive, member], cwd=folder, check=True)
subprocess.run([tools / "llvm-objcopy", "-O", "binary", "--only-section=.rodata", member, "whole.dat"], cwd=folder, check=True)
data = (folder / "whole.dat").read_bytes()
start = struct.unpack_from("<H", data)[0]
if data[2:4] != b"\xda\x27" or data[12:16] != b"CmnD":
    sys.exit("no table of ICU in " + archive)
count = struct.unpack_from("<I", data, start)[0]
offsets = [struct.unpack_from("<II", data, start + 4 + 8 * place) for place in range(count)]
ends = [offset for _, offset in offsets[1:]] + [len(data) - start]
kept = []
for (name, offset), end in zip(offsets, ends):
    text = data[start + name : data.index(b"\0", start + name)]
    if keeps(text.decode()):
        kept.append((text + b"\0", data[start + offset : start + end]))

names, items, table = b"", b"", []
base = 4 + 8 * len(kept)
room = sum(len(name) for name, _ in kept)
pad = -(start + base + room) % 16
for name, item in kept:
    table.append(struct.pack("<II", base + len(names), base + room + pad + len(items)))
    names += name
    items += item + b"\0" * (-len(item) % 16)
(folder / "icu.dat").write_bytes(
    data[:start] + struct.pack("<I", len(kept)) + b"".join(table) + names + b"\0" * pad + items)
symbol = f"icudt{data[start + offsets[0][0]:].split(b'/')[0].decode()[5:-1]}_dat"
(folder / "icu.s").write_text(
    f'.section .rodata\n.balign 16\n.globl {symbol}\n{symbol}:\n.incbin "{folder}/icu.dat"\n.section .note.GNU-stack,"",%progbits\n')
subprocess.run([tools / "clang", "-c", folder / "icu.s", "-o", folder / member], check=True)
copy = folder / pathlib.Path(archive).name
shutil.copy(archive, copy)
subprocess.run(["ar", "r", copy, folder / member], check=True)
for name in (member, "whole.dat", "icu.dat", "icu.s"):
    (folder / name).unlink()
