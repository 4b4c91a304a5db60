"""What ecg2lab says to a bundle: the commands that are asked of every release, and how two releases' answers agree.

`tests/data/released/make_*.py` records them once; the tests ask them again of the code of today.
"""

import json
import math
import shlex
import zipfile
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

DATA = Path(__file__).parents[1] / "data"
RELEASED = DATA / "released"
FACTS = "--age 63 --sex female"
FULL, REDUCED = ("bare", "bidirectional", "causal", "filtered"), ("bf16", "fp16", "int8")
"""Bundles of a release, in fp32 and in other precisions."""
COMMANDS = {
    "predict": "predict {bundle} HR06000.hea E07500.hea 100_3chan.hea {release}/flat.csv"
    " --patient {release}/patient.json --json --backend {backend}",
    "impute": f"predict {{bundle}} E07500.hea {FACTS} --temperature-c 0 --out-of-range impute --json"
    " --backend {backend}",
    "refuse": f"predict {{bundle}} HR06000.hea {FACTS} --temperature-c 0 --weight-kg 7000 --json --backend {{backend}}",
    "fhir": "predict {bundle} HR06000.hea {release}/flat.csv --patient {release}/patient.json --format fhir"
    " --backend {backend}",
    "stream": "stream {bundle} HR06000.hea --patient {release}/patient.json --hop 1.5 --speed max --json"
    " --backend {backend}",
    "inspect": "inspect {bundle} --json",
}
"""Run in tests/data; the bundle and the release's folder are named as seen from there."""

ANY_TEXT = {"fullUrl", "id", "timestamp", "issued", "occurrenceDateTime", "reference"}
"""Of a FHIR bundle: identities and moments."""
MACHINE = {"backend", "provider", "device", "threads", "versions", "version", "property"}
"""What runs here: other backends, instruction sets and versions than then."""
ANSWER_VERSION = 2
"""`schema_version` of an answer: every key of version 1 is there, with its type and, of a bundle of then, its value."""
WORDS = {"conclusion", "div", "rationale"}
"""Of a FHIR bundle, for people: 0.2.0 says *flagged* where 0.1.0 said *detected*, and more beside it."""


def ask(bundle, release, name, backend):
    """One command in this process: exit code, lines of JSON, and the error that ended it."""
    from ecg2lab.cli import app

    arguments = COMMANDS[name].format(
        bundle=Path(bundle).relative_to(DATA), release=Path(release).relative_to(DATA), backend=backend
    )
    done = CliRunner().invoke(app, shlex.split(arguments))
    error = done.exception
    ended = None if error is None or isinstance(error, SystemExit) else f"{type(error).__name__}: {error}"
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {"exit": done.exit_code, "error": ended, "answers": lines}


def golden_logits(bundle, backend):
    """`Engine.run` on the inputs that the bundle itself carries: (9, n)."""
    import ecg2lab

    with ecg2lab.load(bundle, backend=backend, threads=1) as engine:
        return engine.run(*(golden(bundle)[name] for name in ("signal", "continuous", "categorical")))


def in_plain_cpp():
    """What makes the native engine out of plain C++ alone, which has every precision on every CPU."""
    from ecg2lab.backends import native

    made = native.make_engine
    return lambda *arguments, **options: made(*arguments, **{**options, "instruction_set": "portable"})


def golden(bundle):
    """The arrays of `golden.safetensors`, read without ecg2lab."""
    from safetensors.numpy import load

    with zipfile.ZipFile(bundle) as archive:
        return load(archive.read("golden.safetensors"))


def require_agreement(old, new, apart, where="answer", path=()):
    """Hold a JSON value of today to that of a release: everything the same, figures up to `apart`.

    Objects may have gained keys, and keep the order of the old ones; no other type may stand in a place, a whole number
    is no float. The version of an answer may be today's. A FHIR bundle may have gained a Provenance behind the old
    ones.

    Parameters
    ----------
    old, new
        JSON values.
    apart
        What a float may differ by, absolute where it is below 1 and relative above.
    """
    name = path[-1] if path else where
    if any(part in MACHINE for part in path):
        assert type(new) is type(old), f"{path}: {new!r} in place of {old!r}"
    elif path[:1] == ("answers",) and path[2:] == ("schema_version",):
        assert new in (old, ANSWER_VERSION), f"{path}: {new!r} in place of {old!r}"
    elif isinstance(old, dict):
        assert [key for key in new if key in old] == list(old), f"{path}: {list(new)} in place of {list(old)}"
        for key, value in old.items():
            require_agreement(value, new[key], apart, where, (*path, key))
    elif isinstance(old, list):
        gained = [one["resource"]["resourceType"] for one in new[len(old) :]] if name == "entry" else []
        same = len(new) == len(old) + len(gained) and set(gained) <= {"Provenance"}
        assert same, f"{path}: {len(new)} items in place of {len(old)}"
        for index, (value, other) in enumerate(zip(old, new, strict=False)):
            require_agreement(value, other, apart, where, (*path, index))
    elif isinstance(old, float):
        assert isinstance(new, float), f"{path}: {new!r} in place of {old!r}"
        assert math.isclose(new, old, rel_tol=apart, abs_tol=apart), f"{path}: {new!r} in place of {old!r}"
    else:
        assert type(new) is type(old), f"{path}: {new!r} in place of {old!r}"
        free = name in ANY_TEXT | WORDS or path[-2:] == ("qualitativeRisk", "text")
        assert free or new == old, f"{path}: {new!r} in place of {old!r}"


def largest_difference(old, new):
    """Between logits."""
    return float(np.abs(np.asarray(new) - np.asarray(old)).max())
