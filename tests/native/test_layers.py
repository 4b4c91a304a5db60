"""Which way includes go in the native core: what `native/layers.py`, a part of `make lint`, sees."""

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
