"""A proof on the terminal: the error of each form on each backend, and the cost of reduced precisions."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ecg2lab.bundle import Gate, ReducedPrecision
from ecg2lab.proof.parity import Check, ParityReport, nearest_to_limit
from ecg2lab.report.tables import plain_table, print_table


def checks_table(report: ParityReport) -> Table:
    """A table of the worst case of each quantity, form and backend."""
    table = plain_table("Error against float64", "what", "form", "backend", "worst case", "error", "limit", "")
    groups: dict[tuple[str, str, str], list[Check]] = {}
    for check in report.checks:
        groups.setdefault((check.quantity, check.form, check.backend), []).append(check)
    for group, checks in groups.items():
        worst = nearest_to_limit(checks)
        verdict = Text("passed", "green") if worst.passed else Text("FAILED", "bold red")
        table.add_row(*group, worst.case, f"{worst.error:.1e}", f"{worst.tolerance:.1e}", verdict)
    return table


def gates_table(gates: Mapping[ReducedPrecision, Gate]) -> Table:
    """A table of the measured cost of each precision that may be used; *flags*: the share that changes."""
    table = plain_table(
        "\nReduced precision against fp32", "precision", "AUROC loss", "limit", "worst target", "logits", "flags"
    )
    for name, gate in gates.items():
        loss, limit = f"{gate.worst_auroc_loss:.1e}", f"{gate.limit:g}"
        flags = "" if gate.flags_changed is None else f"{gate.flags_changed:.2%}"
        table.add_row(name, loss, limit, gate.worst_target, f"{gate.logit_error_max:.1e}", flags)
    data = sorted({f"{gate.windows} {gate.data}" for gate in gates.values()})
    table.caption, table.caption_justify = "measured on " + "; ".join(data), "left"
    return table


def show_left_out(report: ParityReport, console: Console, said: Collection[str] = ()) -> None:
    """Print what was not measured or was refused, and why, without what `said` contains; a shared reason once."""
    for title, reasons in (("Not measured", report.left_out), ("Refused by its gate", report.refused)):
        shown = {what: why for what, why in reasons.items() if what not in said}
        if not shown:
            continue
        table = plain_table(f"\n{title}", "what", "why")
        for why in dict.fromkeys(shown.values()):
            table.add_row(Text("\n".join(what for what in shown if shown[what] == why)), Text(why))
        print_table(table, console)
