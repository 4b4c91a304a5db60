"""Writes what the C# and Java bindings take from ecg2lab.h; with --check it only says what is not current."""

from __future__ import annotations

import sys
from pathlib import Path

import csharp
import java
from c_header import read_header

BINDINGS = Path(__file__).parents[1]
FOLDERS = {"csharp/generated": csharp, "java/generated/ecg2lab": java}


def main() -> None:
    header = read_header()
    checking = "--check" in sys.argv[1:]
    stale = []
    for folder, language in FOLDERS.items():
        place = BINDINGS / folder
        files = language.files(header)
        there = {path.name: path for path in place.glob("*")}
        stale += [path for name, path in there.items() if name not in files]
        for name, content in files.items():
            path = place / name
            if name in there and path.read_text(encoding="utf-8") == content:
                continue
            stale.append(path)
            if not checking:
                place.mkdir(parents=True, exist_ok=True)
                path.write_text(content, encoding="utf-8")
        if not checking:
            for name, path in there.items():
                if name not in files:
                    path.unlink()
    if checking and stale:
        sys.exit("\n".join([*map(str, stale), "are not what ecg2lab.h says: make schema writes them"]))


if __name__ == "__main__":
    main()
