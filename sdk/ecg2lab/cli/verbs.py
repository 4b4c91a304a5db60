"""The verbs as a group; arguments that no verb takes are refused before one sees them."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from ecg2lab.system.names import shown


class Verbs(TyperGroup):
    """Refuses an empty argument: what a script gives whose variable is not set. As a path it would be this folder."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As Click does, after a look at each argument."""
        before = ""
        for argument in args:
            name, equals, value = argument.partition("=")
            if not argument or (name.startswith("-") and equals and not value):
                option = name or (before if before.startswith("-") else None)
                raise typer.BadParameter("it is empty; is a variable not set?", ctx=ctx, param_hint=option)
            if name.startswith("-") and shown(name) != name:  # Click would repeat it as it is
                raise typer.BadParameter("no option is called so", ctx=ctx, param_hint=shown(name))
            before = argument
        return super().parse_args(ctx, args)
