"""The hf command, forked from a process that has loaded Python and the client already: loading them takes longer than most commands."""

import os
import signal
import sys
import tempfile
import traceback

from huggingface_hub.cli import hf as command


def run(*arguments):
    """Exit code, standard output and standard error of `hf ARGUMENTS`; it may take a minute."""
    sys.stdout.flush()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        child = os.fork()
        if child == 0:
            _become(arguments, output.fileno(), errors.fileno())
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        output.seek(0)
        errors.seek(0)
        return code, output.read().decode(), errors.read().decode()


def _become(arguments, output, errors):
    code = 1
    try:
        signal.alarm(60)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(errors, 2)
        sys.argv = ["hf", *arguments]
        try:
            command.main()
            code = 0
        except SystemExit as end:
            if end.code is None or isinstance(end.code, int):
                code = end.code or 0
            else:
                print(end.code, file=sys.stderr)
        except BaseException:  # as Python does at the end of a program
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)
