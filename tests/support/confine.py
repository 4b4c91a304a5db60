"""Confines this process as a unit of systemd says, and becomes the program that follows.

    python confine.py UNIT PROGRAM ARGUMENT…

Of the unit: `SystemCallFilter`, `MemoryDenyWriteExecute`, `RestrictAddressFamilies` and `RestrictNamespaces`, by
filters of the kernel (libseccomp) that forbid what systemd.exec(5) says of each.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import socket
import subprocess
import sys
from pathlib import Path

ALLOW, EQUAL, AT_LEAST, MASKED_EQUAL = 0x7FFF0000, 4, 5, 7
FAMILIES = 46
"""Of sockets; a later kernel may have more."""
NAMESPACES = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0x00000080)
WRITE_EXECUTE = mmap.PROT_WRITE | mmap.PROT_EXEC
SHM_EXEC = 0o100000


def refusing(number):
    """A call ends with this error, and does nothing."""
    return 0x00050000 | number


class Comparison(ctypes.Structure):
    """Of an argument of a call."""

    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
library.seccomp_init.restype = ctypes.c_void_p
library.seccomp_init.argtypes = [ctypes.c_uint32]
library.seccomp_load.argtypes = [ctypes.c_void_p]
library.seccomp_rule_add_array.argtypes = [
    ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(Comparison),
]  # fmt: skip


def settings(unit):
    """The lines `Name=value` of a unit, in order."""
    lines = Path(unit).read_text(encoding="utf-8").splitlines()
    return [tuple(line.split("=", 1)) for line in lines if line[:1].isalpha()]


def expanded(names):
    """Calls by their names; a group is said by systemd."""
    calls = set()
    for name in names:
        if not name.startswith("@"):
            calls.add(name)
            continue
        said = subprocess.run(["systemd-analyze", "syscall-filter", name], check=True, capture_output=True, text=True)
        lines = (line.strip() for line in said.stdout.splitlines()[1:])
        calls |= expanded([line for line in lines if line and not line.startswith("#")])
    return calls


def allowed(told):
    """Of all `SystemCallFilter=`: what the first names, less what later ones take out."""
    calls = expanded(["@default"])
    for value in (value for name, value in told if name == "SystemCallFilter"):
        named = expanded(value.removeprefix("~").split())
        calls = calls - named if value.startswith("~") else calls | named
    return calls


class Filter:
    """Calls that are treated otherwise than the rest."""

    def __init__(self, rest, rule):
        self._context, self._rule = library.seccomp_init(rest), rule

    def add(self, call, *comparisons):
        number = library.seccomp_syscall_resolve_name(call.encode())
        if number == -1:  # another version's
            return
        array = (Comparison * len(comparisons))(*comparisons)
        said = library.seccomp_rule_add_array(self._context, self._rule, number, len(comparisons), array)
        assert said in (0, -errno.EACCES), (call, said)

    def load(self):
        assert library.seccomp_load(self._context) == 0


def filters(told):
    """What the unit forbids; the last one forbids to add more."""
    yes = {name for name, value in told if value == "yes"}
    families = [word for name, value in told if name == "RestrictAddressFamilies" for word in value.split()]
    if "MemoryDenyWriteExecute" in yes:
        memory = Filter(ALLOW, refusing(errno.EPERM))
        memory.add("mmap", Comparison(2, MASKED_EQUAL, WRITE_EXECUTE, WRITE_EXECUTE))
        memory.add("mprotect", Comparison(2, MASKED_EQUAL, mmap.PROT_EXEC, mmap.PROT_EXEC))
        memory.add("pkey_mprotect", Comparison(2, MASKED_EQUAL, mmap.PROT_EXEC, mmap.PROT_EXEC))
        memory.add("shmat", Comparison(2, MASKED_EQUAL, SHM_EXEC, SHM_EXEC))
        yield memory
    if "RestrictNamespaces" in yes:
        spaces = Filter(ALLOW, refusing(errno.EPERM))
        for flag in NAMESPACES:
            spaces.add("unshare", Comparison(0, MASKED_EQUAL, flag, flag))
            spaces.add("clone", Comparison(0, MASKED_EQUAL, flag, flag))
        spaces.add("setns")
        yield spaces
        unseen = Filter(ALLOW, refusing(errno.ENOSYS))  # its flags are in memory, where a filter cannot look
        unseen.add("clone3")
        yield unseen
    if families:
        sockets = Filter(ALLOW, refusing(errno.EAFNOSUPPORT))
        for other in set(range(FAMILIES)) - {getattr(socket, name) for name in families}:
            sockets.add("socket", Comparison(0, EQUAL, other, 0))
        sockets.add("socket", Comparison(0, AT_LEAST, FAMILIES, 0))
        yield sockets
    only = Filter(refusing(errno.EPERM), ALLOW)
    for call in allowed(told):
        only.add(call)
    yield only


def main():
    unit, *program = sys.argv[1:]
    for each in list(filters(settings(unit))):
        each.load()
    os.execv(program[0], program)


if __name__ == "__main__":
    main()
