"""Which way includes go in `native/src`: a room includes rooms below it, and no files include each other in a circle.

`make lint` runs it. What Python's rooms may import is in pyproject.toml.
"""

from __future__ import annotations

import re
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

SOURCES = Path(__file__).parent / "src"
LAYERS = (
    ("c",),
    ("model.h", "model.cpp", "selftest.h", "selftest.cpp", "stream.h", "stream.cpp"),
    ("answer", "engine"),
    ("judge", "patient"),
    ("prepare",),
    ("quality",),
    ("signal",),
    ("bundle", "files"),
    ("contract",),
    ("base", "simd"),
)
"""From above to below; rooms of one layer do not include each other. A file of the root is a room of its own name."""


def read_includes() -> dict[str, set[str]]:
    """For each file, by its path below `src`, those that it includes."""
    files = sorted(path for path in SOURCES.rglob("*") if path.suffix in (".h", ".cpp", ".inc"))
    names = {path.relative_to(SOURCES).as_posix(): path for path in files}
    return {name: set(_quoted(path)) & set(names) for name, path in names.items()}


def _quoted(path: Path) -> list[str]:
    return re.findall(r'^#include "([^"]+)"', path.read_text(encoding="utf-8"), re.MULTILINE)


def complaints(includes: dict[str, set[str]]) -> list[str]:
    """What breaks the layers, or closes a circle."""
    level = {room: number for number, rooms in enumerate(LAYERS) for room in rooms}
    broken = [f"{name} is in no layer" for name in includes if _room(name) not in level]
    if broken:
        return broken
    for name, headers in includes.items():
        for header in sorted(headers):
            upper, lower = level[_room(name)], level[_room(header)]
            beside = upper == lower and _room(name) != _room(header) and "/" in name
            if upper > lower or beside:
                broken.append(f"{name} includes {header}, which does not stand below it")
    try:
        TopologicalSorter(includes).prepare()
    except CycleError as error:
        broken.append("these include each other: " + " ← ".join(error.args[1]))
    return broken


def _room(name: str) -> str:
    return name.partition("/")[0]


if __name__ == "__main__":
    sys.exit("\n".join(complaints(read_includes())) or 0)
