"""Parameters of a verb in groups: one argument of its function, each field of it an option of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, ClassVar, get_args, get_origin

import msgspec
import typer

from ecg2lab.backends import CHOICES
from ecg2lab.patient import OutOfRange, Patient, read_patient

BackendName = Annotated[str, typer.Option("--backend", help=f"One of {CHOICES}.")]
_PANEL = "Patient (all optional; what is missing is imputed, and said)"


def flat(verb: Callable[..., None]) -> Callable[..., None]:
    """The verb as Typer takes it.

    Parameters
    ----------
    verb
        A parameter that is `Annotated` is an option or an argument. Any other is a group: a class, whose own parameters
        stand in its place, and which is made of their values.
    """
    parameters: list[Parameter] = []
    groups: dict[str, tuple[Callable[..., Any], list[str]]] = {}
    for parameter in signature(verb, eval_str=True).parameters.values():
        if get_origin(parameter.annotation) is Annotated:
            parameters.append(parameter)
        else:
            fields = signature(parameter.annotation, eval_str=True).parameters
            groups[parameter.name] = parameter.annotation, list(fields)
            parameters += fields.values()

    @wraps(verb)
    def run(**values: Any) -> None:
        made = {name: group(**{key: values.pop(key) for key in keys}) for name, (group, keys) in groups.items()}
        verb(**made, **values)

    run.__signature__ = Signature([p.replace(kind=Parameter.KEYWORD_ONLY) for p in parameters])  # type: ignore[attr-defined]
    return run


def _option(name: str, kind: Any, text: str, default: Any = None) -> Parameter:
    option = typer.Option(help=text, rich_help_panel=_PANEL)
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])


def _field(field: msgspec.structs.FieldInfo) -> Parameter:
    kind, about = get_args(field.type)
    return _option(field.name, kind, about.description)


class Facts:
    """What a verb is told of the patient: an option for each field of `Patient`, or a file."""

    __signature__: ClassVar[Signature] = Signature(
        [
            _option("patient", Path | None, "JSON file with the patient's facts."),
            *map(_field, msgspec.structs.fields(Patient)),
            _option(
                "out_of_range",
                OutOfRange,
                "What a number that is no measurement does: refuse the record, or count as not given.",
                "refuse",
            ),
        ]
    )

    def __init__(self, patient: Path | None, out_of_range: OutOfRange, **facts: Any) -> None:
        self.out_of_range = out_of_range
        self._file = patient
        self._given = {name: value for name, value in facts.items() if value is not None}

    def read(self) -> Patient:
        """Of the file or of the options.

        Raises
        ------
        typer.BadParameter
            If there are both.
        PatientError
            As `Patient` and `read_patient` do.
        """
        if self._file is None:
            return Patient(**self._given)
        if self._given:
            option = next(iter(self._given)).replace("_", "-")
            raise typer.BadParameter(f"give --{option} in the file, or no file", param_hint="--patient")
        return read_patient(self._file)
