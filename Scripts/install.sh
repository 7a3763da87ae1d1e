#!/usr/bin/env bash
# Installs the program without its symbols, and the symbols beside it. Usage: install.sh [FOLDER], by default ~/.local/bin
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-$HOME/.local/bin}
program=.build/release/stoker
# Swift's own toolchain brings the tool; binutils has it too.
tool=$(dirname "$(readlink -f "$(command -v swiftc)")")/llvm-objcopy
[ -x "$tool" ] || tool=objcopy

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$tool" --only-keep-debug "$program" "$work/stoker.debug"
# The link tells debuggers which file has the names.
(cd "$work" && "$tool" --strip-all --add-gnu-debuglink=stoker.debug "$OLDPWD/$program" stoker)

mkdir -p "$folder"
# A program that runs cannot be written over, but it can be replaced.
for file in stoker.debug stoker; do
    chmod 755 "$work/$file"
    cp "$work/$file" "$folder/.$file.new"
    mv "$folder/.$file.new" "$folder/$file"
done
chmod 644 "$folder/stoker.debug"
printf 'Installed %s (%s MB) and its symbols, stoker.debug (%s MB).\n' "$folder/stoker" \
    "$(($(stat -c %s "$folder/stoker") / 1000000))" "$(($(stat -c %s "$folder/stoker.debug") / 1000000))"
case ":$PATH:" in *":$folder:"*) ;; *) echo "$folder is not in PATH." ;; esac
