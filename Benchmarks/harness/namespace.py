"""A network of one's own: loopback only, with a name server on 127.0.0.1:53 and a resolv.conf that names it.

The resolver under test must be the one users get, which reads /etc/resolv.conf; a benchmark must not touch the
machine's. Run as a program it prepares the namespace it was put into by unshare and becomes the given command.
"""

import fcntl
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def enter() -> list[str] | None:
    """The command prefix that gives a fresh user, network and mount namespace; None where the kernel refuses."""
    for prefix in (["unshare", "--mount", "--net"], ["unshare", "--map-root-user", "--mount", "--net"]):
        if subprocess.run([*prefix, "true"], capture_output=True).returncode == 0:
            return [*prefix, sys.executable, "-B", __file__]
    return None


def prepare() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(handle, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(handle, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))
    folder = Path(os.environ["STOKER_BENCH_SCRATCH"])
    for name, text in (
        ("resolv.conf", "nameserver 127.0.0.1\noptions timeout:2 attempts:2\n"),
        ("nsswitch.conf", "hosts: files dns\n"),
    ):
        (folder / name).write_text(text)
        subprocess.run(["mount", "--bind", folder / name, f"/etc/{name}"], check=True)


if __name__ == "__main__":
    prepare()
    os.execvp(sys.argv[1], sys.argv[1:])
