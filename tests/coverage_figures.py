"""Says what `make coverage` measured, in two lines: `python coverage_figures.py FOLDER`."""

import json
import sys
from pathlib import Path


def main(folder):
    python = json.loads((folder / "python.json").read_text())["totals"]
    native = json.loads((folder / "native.json").read_text())
    print(share("Python", "branches", python["covered_branches"], python["num_branches"]))
    print(share("C++", "lines", native["line_covered"], native["line_total"]))


def share(language, unit, covered, total):
    return f"{language}: {covered} of {total} {unit}, {covered / total:.2%}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
