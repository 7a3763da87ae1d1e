#!/usr/bin/env bash
# Builds products as people run them, into .build/release. Usage: release.sh PRODUCT…
set -euo pipefail
cd "$(dirname "$0")/.."

flags=(--configuration release --quiet)
# With Swift's own libraries inside, the program runs where no Swift is installed, idles in less memory and calls them
# without a detour. Toolchains that do not bring them in that form build the usual way.
static=$(swiftc -print-target-info -static-stdlib | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p')
if [ "$(uname)" = Linux ] && [ -d "$static" ]; then
    # Nothing is loaded into the program that would look for its functions by name, and the list of 55,000 names would have
    # to be read at every start: 5 MiB of resident memory.
    flags+=(--static-swift-stdlib -Xlinker --no-export-dynamic)
    # 150,000 addresses to correct at the start, in a hundredth of the space: another 3.5 MiB. glibc knows the form since 2.36.
    glibc=$(getconf GNU_LIBC_VERSION | sed -n 's/^glibc 2\.\([0-9]*\).*/\1/p')
    if [ "${glibc:-0}" -ge 36 ]; then flags+=(-Xlinker -z -Xlinker pack-relative-relocs); fi
    # Libraries that Debian has in both forms go inside too: the program then asks for glibc alone.
    mkdir -p .build/static
    # A tenth of Foundation's 34 MB of tables for other languages. Without Python it gets all of them.
    icu=$static/linux/lib_FoundationICU.a
    if [ -f "$icu" ] && command -v python3 >/dev/null && python3 -B Scripts/icu-data.py "$icu" "$PWD/.build/static"; then
        export STOKER_ICU=$PWD/.build/static/lib_FoundationICU.a
    fi
    clang=$(dirname "$(readlink -f "$(command -v swiftc)")")/clang  # it knows which libstdc++ Swift is built against
    for library in libstdc++ libsqlite3 libz libzstd; do
        found=$("$clang" -print-file-name="$library.a" 2>/dev/null || true)
        if [ -f "$found" ]; then ln -sf "$found" .build/static/; fi
    done
    flags+=(-Xlinker "-L$PWD/.build/static")
fi

for product in "$@"; do
    # The linker's word about a function of Foundation's that nothing of ours calls would only frighten people.
    swift build "${flags[@]}" --product "$product" 2>&1 | { grep -v "use of \`mktemp' is dangerous" || true; }
done

# What the doctor tells of images, and docs/guard.md of packages, holds for what was built: glibc alone, and none that is newer than it says.
if [ "$(uname)" = Linux ] && [ -d "$static" ] && command -v readelf >/dev/null; then
    most=$(sed -n 's/.*static let glibc = \([0-9]*\).*/\1/p' Sources/Deployment/Doctor/FolderExamination+Guard.swift)
    for product in "$@"; do
        program=.build/release/$product
        others=$(readelf -d "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p' | grep -v '^lib\(c\|m\|gcc_s\)\.so\|^ld-linux' || true)
        asked=$(readelf -V "$program" | grep -o 'GLIBC_2\.[0-9]*\|GLIBC_ABI_DT_RELR' | sed 's/GLIBC_ABI_DT_RELR/GLIBC_2.36/; s/GLIBC_2\.//' | sort -n | tail -n 1)
        if [ -n "$others" ]; then echo "$product asks for $others, which debian:12-slim may not have" >&2; exit 1; fi
        if [ "${asked:-0}" -gt "$most" ]; then echo "$product asks for glibc 2.$asked; FolderExamination+Guard.swift says 2.$most" >&2; exit 1; fi
    done
fi
