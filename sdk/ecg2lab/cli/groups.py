"""Parameters of a verb in groups: one argument of its function, each field of it an option of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, get_origin


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
