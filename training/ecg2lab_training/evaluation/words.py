"""Numbers and names as tables show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ecg2lab_training.evaluation import few
from ecg2lab_training.evaluation.estimates import Estimate
from ecg2lab_training.evaluation.result import Evaluation, Outside, TargetResult


def decimal(value: float | None, digits: int = 3) -> str:
    """A number, or a dash."""
    return "–" if value is None else f"{value:.{digits}f}"


def interval(value: Estimate) -> str:
    """0.812 [0.770, 0.851]; without brackets where there is no interval."""
    if value.low is None or value.high is None:
        return decimal(value.value)
    return f"{decimal(value.value)} [{value.low:.3f}, {value.high:.3f}]"


def auroc(target: TargetResult) -> str:
    """Of one target; without an interval, which would look like evidence, where it has few cases."""
    return marked(target, decimal(target.auroc.value)) if few.has_few(target) else interval(target.auroc)


def marked(target: TargetResult, text: str) -> str:
    """With a word where the target has few cases."""
    return f"{text} (few cases)" if few.has_few(target) else text


def over_targets(evaluation: Evaluation, value: Estimate) -> str:
    """A figure of the whole report; without an interval where there are too few cases."""
    return decimal(value.value) if few.too_few(evaluation) else interval(value)


def beside_ideal(evaluation: Evaluation) -> str:
    """Who is ahead, the ideal observer or the model; empty where there is no observer."""
    gap = evaluation.ideal.macro_gap if evaluation.ideal else Estimate()
    if gap.value is None:
        return ""
    if gap.value >= 0:
        return f"The ideal observer is ahead of the model by {over_targets(evaluation, gap)}"
    low, high = (None if bound is None else -bound for bound in (gap.high, gap.low))
    ahead = over_targets(evaluation, Estimate(value=-gap.value, low=low, high=high))
    return f"The model is ahead of the ideal observer by {ahead}, which only chance can bring about"


def percent(value: float | None) -> str:
    """A share in percent, or a dash."""
    return "–" if value is None else f"{value:.1%}"


def agreement(target: TargetResult) -> tuple[str, str]:
    """Calibration intercept and slope, each with its interval, or a dash."""
    own = target.agreement
    return ("–", "–") if own is None else (interval(own.intercept), "–" if own.slope is None else interval(own.slope))


def share(value: float) -> str:
    """A threshold in percent, to two digits: those of rare abnormalities are small."""
    return f"{float(f'{100 * value:.2g}'):g}%"


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; a bar inside a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def outside(one: Outside | None) -> str:
    """Sentence on how many records are outside experience; empty: the model does not say."""
    if one is None:
        return ""
    return (
        f"Outside experience, where nothing is flagged: {interval(one.share)} of {one.recordings} ECGs "
        f"({decimal(one.by_distance)} too far in the model's features, of which {one.expected:g} are expected; "
        f"{decimal(one.by_numbers)} with a number beyond its range in training). Limits: {one.chosen_on}.\n"
    )
