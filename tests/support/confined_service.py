"""Runs the program of a systemd unit under what the unit forbids, where no systemd runs."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from ctypes.util import find_library
from pathlib import Path
from shutil import which

from confine import settings

CONFINE = Path(__file__).with_name("confine.py")
USER = 64_321
"""Nobody's number here."""
ROOT = Path(__file__).parents[2]
EMPTY = ("/root", "/home", "/var/lib", "/srv", "/opt", "/etc", "/run")
"""Folders of which the service sees what it needs, and nothing else."""
NO_RIGHTS = "--no-new-privs --inh-caps=-all --bounding-set=-all"
READ = ("passwd", "group", "hosts", "nsswitch.conf", "ssl", "ld.so.cache", "localtime")
"""Of /etc: what is not about this machine's users."""


def missing():
    """What is needed and is not here; None: all is."""
    if os.geteuid() != 0:
        return "needs root, to give its rights away"
    programs = ("bwrap", "setpriv", "nsenter", "systemd-analyze")
    absent = [name for name in programs if which(name) is None]
    if find_library("seccomp") is None:
        absent.append("libseccomp")
    return f"not installed: {', '.join(absent)}" if absent else None


def _there(folder):
    """Options that show it where it is, also below an empty folder."""
    above = (word for part in reversed(folder.parents[:-1]) for word in ("--perms", "0755", "--dir", part))
    return [*above, "--ro-bind", folder, folder]


class Manager:
    """Hears what a service says of itself; its socket holds a few messages only."""

    def __init__(self, folder):
        self.address = folder / "notify"
        self.heard = []
        """Messages so far, each with the process that sent it."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.address))
        self.address.chmod(0o666)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._thread = threading.Thread(target=self._hear, daemon=True)
        self._thread.start()

    def _hear(self):
        while True:
            message, extra, *_ = self._socket.recvmsg(4096, 64)
            if message == b"END":
                return
            ((_, _, credentials),) = extra
            self.heard.append((message.decode(), struct.unpack("3i", credentials)[0]))

    def said(self):
        """Without the processes."""
        return [message for message, _ in self.heard]

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"END", str(self.address))
        self._thread.join()
        self._socket.close()


class Confined:
    """The unit's program, without a network but its own loopback, and with the unit's folders alone to write into.

    Parameters
    ----------
    unit
        The file.
    folder
        Of the test: `state`, `carts` and `etc` are made in it.
    """

    def __init__(self, unit, folder):
        told = settings(unit)
        self.told, self._folder = dict(told), folder
        for name in ("state", "carts", "etc"):
            (folder / name).mkdir()
        for name in ("state", "carts"):
            os.chown(folder / name, USER, USER)
        self._unit, self._process, self.pid = unit, None, None
        self.manager = Manager(folder)

    def _command(self, program):
        """The command line that runs a program as the unit would."""
        state = f"/var/lib/{self.told['StateDirectory']}"
        environment = {
            "NOTIFY_SOCKET": "/run/notify",
            "WATCHDOG_USEC": "1000000",
            "PATH": os.defpath,
            **dict(word.split("=", 1) for word in shlex.split(self.told["Environment"].replace("%S", "/var/lib"))),
        }
        around = [
            *("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"),
            *(word for place in EMPTY for word in ("--tmpfs", place)),
            *("--perms", "1777", "--tmpfs", "/tmp", "--perms", "1777", "--tmpfs", "/dev/shm"),
            *(word for name in READ for word in ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")),
            *_there(Path(sys.base_prefix)),
            *_there(ROOT),
            *("--ro-bind", sys.prefix, "/opt/ecg2lab", "--ro-bind", self._folder / "etc", "/etc/ecg2lab"),
            *("--bind", self.manager.address, "/run/notify", "--bind", self._folder / "state", state),
            *("--bind", self._folder / "carts", "/srv/carts"),
            *("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-net", "--die-with-parent", "--clearenv"),
            *(word for pair in environment.items() for word in ("--setenv", *pair)),
            *("--cap-add", "ALL", "--chdir", state),
        ]
        steps = [
            "mount -t proc -o subset=pid,hidepid=invisible proc /proc",
            *(f"mount -o remount,bind,noexec,nosuid,nodev {place}" for place in ("/tmp", "/srv/carts", state)),
            *(f"mount -o remount,ro {place}" for place in EMPTY),
            f"umask {self.told['UMask']}",
            f"exec setpriv --reuid={USER} --regid={USER} --clear-groups {NO_RIGHTS} "
            + shlex.join([sys.executable, str(CONFINE), str(self._unit), *program]),
        ]
        return ["bwrap", *map(str, around), "sh", "-c", " && ".join(steps)]

    def run(self, *program):
        """What another program says that is confined likewise."""
        said = subprocess.run(self._command(program), capture_output=True, text=True)
        assert said.returncode == 0, said.stderr
        return said.stdout

    def start(self):
        """Start, and wait until it is ready."""
        with open(self._folder / "log", "ab") as log:
            command = self._command(shlex.split(self.told["ExecStart"]))
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        end = time.monotonic() + 60
        while not self.manager.heard:
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < end, self.log()
            time.sleep(0.02)
        said, self.pid = self.manager.heard[0]
        assert said == "READY=1", (said, self.log())

    def log(self):
        return (self._folder / "log").read_text()

    def within(self, *command):
        """What a program says that shares its network."""
        said = subprocess.run(["nsenter", f"--net=/proc/{self.pid}/ns/net", *command], capture_output=True, text=True)
        assert said.returncode == 0, (said.stderr, self.log())
        return said.stdout

    def stop(self):
        """As the service manager does."""
        os.kill(self.pid, signal.SIGTERM)
        assert self._process.wait(90) == 0, self.log()

    def close(self):
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self.manager.close()
