"""Which way includes go in the native core, as `native/layers.py` of `make lint` sees it; and words of compilers."""

import re
import runpy

import pytest
from native_tools import NATIVE

LAYERS = runpy.run_path(str(NATIVE / "layers.py"))


def test_the_core_holds_to_its_layers():
    includes = LAYERS["read_includes"]()
    assert len(includes) > 100
    assert LAYERS["complaints"](includes) == []


@pytest.mark.parametrize(
    ("includes", "complaint"),
    [
        ({"base/json.h": {"bundle/bundle.h"}, "bundle/bundle.h": set()}, "base/json.h includes bundle/bundle.h"),
        ({"judge/words.h": {"patient/patient.h"}, "patient/patient.h": set()}, "does not stand below it"),
        ({"engine/scan.h": {"engine/team.h"}, "engine/team.h": {"engine/scan.h"}}, "include each other"),
        ({"attic/old.h": set()}, "attic/old.h is in no layer"),
    ],
)
def test_what_breaks_them_is_named(includes, complaint):
    assert complaint in "\n".join(LAYERS["complaints"](includes))


# What only compilers of GNU's kind know, and macros that only they define: Microsoft's spells machines otherwise.
GNU_WORDS = re.compile(r"\b(__builtin_\w+|__attribute__|__asm__|__typeof__)\b")
GNU_MACROS = re.compile(r"\b(__GNUC__|__aarch64__|__arm__|ECG2LAB_FLOATS_(?:AARCH64|ARM))\b")


def unguarded(text):
    conditions = []
    for number, line in enumerate(text.splitlines(), 1):
        directive = re.match(r"\s*#\s*(if|ifdef|ifndef|elif|else|endif)\b(.*)", line)
        if directive is None:
            if GNU_WORDS.search(line) and not any(GNU_MACROS.search(condition) for condition in conditions):
                yield f"{number}: {line}"
            continue
        word, condition = directive.groups()
        before = conditions.pop() if word in ("elif", "else", "endif") else ""
        if word == "else":
            conditions.append("__GNUC__" if "_MSC_VER" in before else "")
        elif word != "endif":
            conditions.append(condition if word != "ifndef" else "")


def test_no_word_of_gnu_compilers_stands_outside_a_guard():
    files = [path for path in (NATIVE / "src").rglob("*.*") if path.suffix in (".h", ".cpp")]
    assert {path.name: list(unguarded(path.read_text())) for path in files} == {path.name: [] for path in files}


def test_a_word_outside_its_guard_is_seen():
    assert list(unguarded("#if defined(__GNUC__)\n__builtin_trap();\n#else\n__builtin_trap();\n#endif")) == [
        "4: __builtin_trap();"
    ]
