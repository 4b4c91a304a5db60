"""Parameters of a verb in groups: one argument of its function, each field of it an option of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, get_args, get_origin

import msgspec
import typer

from ecg2lab.backends import CHOICES
from ecg2lab.patient import OutOfRange, Patient, read_patient

if TYPE_CHECKING:
    from ecg2lab.engine import Engine

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="The model: a bundle, X.ecg2lab.")]
BackendName = Annotated[str, typer.Option("--backend", help=f"One of {CHOICES}.")]
Precision = Annotated[
    str | None,
    typer.Option(help="Precision of a TensorRT engine. Default: that of the bundle.", show_default=False),
]
Adapter = Annotated[
    str | None,
    typer.Option(
        help="The GPU for webgpu: its index, or a part of its name. `ecg2lab devices` lists them.", show_default=False
    ),
]
AllowSoftware = Annotated[bool, typer.Option(help="Let webgpu take a software adapter. Every answer then says so.")]


@dataclass(frozen=True)
class Computing:
    """How an engine is loaded, as `ecg2lab.load` names it."""

    backend: BackendName = "auto"
    precision: Precision = None
    threads: Annotated[
        int | None, typer.Option(help="Threads of one call. Default: all usable ones; for a stream or an archive 1.")
    ] = None
    adapter: Adapter = None
    allow_software: AllowSoftware = False

    def load(self, bundle: Path, out_of_range: OutOfRange, threads: int | None = None) -> Engine:
        """The engine, with so many threads if none are asked for; where somebody sees it, it says what takes long."""
        import ecg2lab
        from ecg2lab.report.screen import waiting

        asked = vars(self) | {"threads": threads if self.threads is None else self.threads}
        with waiting("loading") as tell:
            return ecg2lab.load(bundle, **asked, out_of_range=out_of_range, tell=tell)


_PANEL = "Patient (all optional: a median stands in for what is missing, and the answer says so)"


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
                "What to do with a number that cannot be a measurement: refuse the record, or count it as not given.",
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
