"""What is missing of the hardening that native/cmake/hardening.cmake asks for, read from a binary."""

import re
import struct

from native_tools import find_binutils, succeeded

FIXED_FILE_INFO = struct.pack("<I", 0xFEEF04BD)


def elf_lacks(library):
    """Read-only tables, no executable stack, guarded stacks, no path of the machine that built it."""
    readelf = find_binutils("readelf")
    dynamic = succeeded(readelf, "--wide", "--dynamic", library)
    segments = succeeded(readelf, "--wide", "--segments", library).splitlines()
    (stack,) = (line.split() for line in segments if "GNU_STACK" in line)
    # Type, offset, two addresses, two sizes, flags of one to three words, alignment.
    flags = ["".join(line.split()[6:-1]) for line in segments if line.strip().startswith("LOAD")]
    # Of the system's C library, or, in what zig builds, of zig's own runtime.
    symbols = re.findall(r" (\w+)(?:@|$)", succeeded(readelf, "--wide", "--symbols", library), re.MULTILINE)
    holds = {
        "BIND_NOW": "BIND_NOW" in dynamic,
        "RELRO": any("GNU_RELRO" in line for line in segments),
        "no text relocations": "TEXTREL" not in dynamic,
        "no path to search": "RPATH" not in dynamic and "RUNPATH" not in dynamic,
        "no executable stack": "E" not in "".join(stack[6:-1]),
        "no segment to write and run": not any({"W", "E"} <= set(flag) for flag in flags),
        "stack protector": "__stack_chk_fail" in symbols,
    }
    return [name for name, there in holds.items() if not there]


def objects_without(archive, mark):
    """Of the objects of a static library those that do not say that they take jumps only where they are meant."""
    listed = succeeded(find_binutils("readelf"), "--wide", "--notes", archive).split("\nFile: ")[1:]
    assert len(listed) > 50
    return [one.splitlines()[0] for one in listed if mark not in one]


def dll_lacks(library):
    """Addresses that cannot be foreseen, in 64 bits; no data that runs."""
    listed = succeeded(find_binutils("objdump"), "-p", library)
    return [name for name in ("HIGH_ENTROPY_VA", "DYNAMIC_BASE", "NX_COMPAT") if name not in listed]


def dll_versions(library):
    """Of file and product, as Windows shows them: ("0.1.0.0", "0.1.0.0")."""
    content = library.read_bytes()
    begin = content.index(FIXED_FILE_INFO)
    words = struct.unpack_from("<8H", content, begin + 8)
    parts = [words[i : i + 4] for i in (0, 4)]  # the low half of each number comes first
    return tuple(".".join(str(part[i]) for i in (1, 0, 3, 2)) for part in parts)
