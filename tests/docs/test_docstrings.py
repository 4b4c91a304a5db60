"""Docstrings of public names are whole: each parameter is spoken of, and so is what comes back and what is raised."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest

import ecg2lab
import ecg2lab_export

Public = tuple[str, Any]


def publics() -> Iterator[Public]:
    """Public functions and classes, and the public methods of these."""
    for package in (ecg2lab, ecg2lab_export):
        for name in package.__all__:
            value = getattr(package, name)
            yield f"{package.__name__}.{name}", value
            if inspect.isclass(value) and not issubclass(value, Exception):
                for method, function in vars(value).items():
                    bare = function.__func__ if isinstance(function, classmethod | staticmethod) else function
                    if inspect.isfunction(bare) and not method.startswith("_"):
                        yield f"{package.__name__}.{name}.{method}", bare


PUBLICS = list(publics())


@pytest.mark.parametrize(("name", "value"), PUBLICS, ids=[name for name, _ in PUBLICS])
def test_a_public_name_is_documented(name: str, value: Any) -> None:
    assert inspect.getdoc(value), name


FUNCTIONS = [(name, value) for name, value in PUBLICS if not inspect.isclass(value)]


@pytest.mark.parametrize(("name", "value"), FUNCTIONS, ids=[name for name, _ in FUNCTIONS])
def test_a_public_function_speaks_of_each_of_its_parameters(name: str, value: Any) -> None:
    """By name, in its docstring; a function of one parameter may say it in its first sentence, `As …` in another."""
    text = inspect.getdoc(value) or ""
    wanted = [parameter for parameter in inspect.signature(value).parameters if parameter not in ("self", "cls")]
    if text.startswith("As `") or (len(wanted) <= 1 and "Parameters\n" not in text):
        return
    section = text.split("Parameters\n----------\n")[-1].split("\n\n")[0]
    spoken = {word for line in section.splitlines() if not line.startswith(" ") for word in re.findall(r"\w+", line)}
    assert set(wanted) <= spoken, name
