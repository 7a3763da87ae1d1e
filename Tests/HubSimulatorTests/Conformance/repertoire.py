"""Every method of the official client and every command of its command line: exercised by these scripts, or out with a reason.

Usage: repertoire.py                prints the tables of docs/hub-conformance.md
       repertoire.py --check FILE   exit 1 when something is in neither list, or FILE does not hold these tables
"""

import ast
import inspect
import pathlib
import sys

import click
from huggingface_hub import HfApi
from huggingface_hub.cli import hf as command_line

from repertoire_out import COMMANDS_OUT, METHODS_OUT

HERE = pathlib.Path(__file__).parent
OWN = {"repertoire.py", "repertoire_out.py"}


def methods():
    return sorted(name for name, member in inspect.getmembers(HfApi) if callable(member) and not name.startswith("_"))


def commands():
    """All leaves of the tree, without aliases: "spaces secrets add"."""
    found = []

    def walk(command, path, context):
        if not isinstance(command, click.Group):
            found.append(" ".join(path))
            return
        inner = click.Context(command, info_name=path[-1] if path else "hf", parent=context)
        for name in command.list_commands(inner):
            child = command.get_command(inner, name)
            if child is not None:
                walk(child, path + [child.name.split(" | ")[0]], inner)

    walk(command_line.app, [], None)
    return sorted(set(found))


def resolve(words):
    """The command that these arguments of hf reach, or None."""
    command, path, context = command_line.app, [], None
    for word in words:
        if not isinstance(command, click.Group):
            break
        context = click.Context(command, info_name="hf", parent=context)
        child = command.get_command(context, word)
        if child is None:
            break
        path.append(child.name.split(" | ")[0])
        command = child
    return " ".join(path) if path and not isinstance(command, click.Group) else None


def exercised():
    """Name to scripts that use it. Read from the scripts themselves, which pass or fail as a whole in ConformanceTests."""
    used_methods, used_commands, names = {}, {}, set(methods())
    for file in sorted(HERE.glob("*.py")):
        if file.name in OWN:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in names:
                used_methods.setdefault(node.attr, set()).add(file.name)
            if not isinstance(node, ast.Call):
                continue
            if isinstance(node.func, ast.Name) and node.func.id in names:
                used_methods.setdefault(node.func.id, set()).add(file.name)
            if isinstance(node.func, ast.Name) and node.func.id == "hf":
                words = []
                for argument in node.args:
                    if not isinstance(argument, ast.Constant):
                        break
                    words.append(argument.value)
                command = resolve(words)
                if command:
                    used_commands.setdefault(command, set()).add(file.name)
    return used_methods, used_commands


def table(title, names, used, out, problems):
    reasons = {name: reason for reason, group in out.items() for name in group.split(",")}
    reasons = {name.strip(): reason for name, reason in reasons.items()}
    lines = [f"| {title} | |", "|---|---|"]
    for name in names:
        if name in used and name in reasons:
            problems.append(f"{name}: exercised by {', '.join(sorted(used[name]))} and listed as out")
        if name in used:
            lines.append(f"| `{name}` | passes: {', '.join(sorted(used[name]))} |")
        elif name in reasons:
            lines.append(f"| `{name}` | out: {reasons[name]} |")
        else:
            problems.append(f"{name}: neither exercised by a script nor listed as out")
    problems += [f"{name}: listed as out, but the official client has no such thing" for name in reasons if name not in names]
    return "\n".join(lines)


def main():
    problems = []
    used_methods, used_commands = exercised()
    text = {
        "methods": table("method of `HfApi`", methods(), used_methods, METHODS_OUT, problems),
        "commands": table("`hf …`", commands(), used_commands, COMMANDS_OUT, problems),
    }
    if len(sys.argv) == 3 and sys.argv[1] == "--check":
        page = pathlib.Path(sys.argv[2]).read_text()
        for name, part in text.items():
            if part not in page:
                problems.append(f"the table of {name} in the page is not what repertoire.py prints")
    else:
        for part in text.values():
            print(part + "\n")
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
