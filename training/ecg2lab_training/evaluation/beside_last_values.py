"""Section of the model card: forecasts beside the last laboratory value before the ECG, new onset apart."""

from __future__ import annotations

from ecg2lab_training.evaluation.forecasts import Forecast
from ecg2lab_training.evaluation.result import Evaluation
from ecg2lab_training.evaluation.words import decimal, interval, markdown


def section(e: Evaluation) -> str:
    """Write Markdown: a summary, and a row for each target that is a forecast."""
    own = [(t.name, t.forecast) for t in e.targets if t.forecast]
    if e.forecasts is None or not own:
        asked = any(t.criterion and t.criterion.setting == "forecasting" for t in e.targets)
        return "Not measured; *Limitations* says why.\n" if asked else "No target is a forecast.\n"
    f = e.forecasts
    return (
        f"Over {f.targets} targets, on the ECGs with a laboratory value before them: macro AUROC of that value alone "
        f"{interval(f.macro_last_value)}, of the model {decimal(f.macro_model)}, gain {interval(f.macro_gain)}. Where "
        f"that value was normal (new onset): {interval(f.macro_new_onset)}.\n\n"
        + markdown(_BESIDE_LAST, [_forecast(*one) for one in own])
        + "\nThe last value was taken strictly before the ECG, however long before; its score is the distance from the "
        "limit. The gain is the model's AUROC less that of the last value, on the same ECGs. Already abnormal: share "
        "of the positives whose last value was abnormal in the same sense.\n"
    )


_BESIDE_LAST = (
    "target",
    "pos./neg. with a last value",
    "median hours",
    "last value [95 % CI]",
    "model [95 % CI]",
    "gain [95 % CI]",
    "already abnormal [95 % CI]",
    "new onset: pos./neg.",
    "model [95 % CI]",
    "no value before: pos./neg.",
    "model [95 % CI]",
)


def _forecast(name: str, f: Forecast) -> list[str]:
    whole, new, none = f.with_value, f.new_onset, f.no_value
    cells = [name, f"{whole.positives}/{whole.negatives}", decimal(f.hours[1] if f.hours else None, 1)]
    cells += map(interval, (f.last_value, whole.auroc, f.gain, f.persistence))
    cells += [f"{new.positives}/{new.negatives}", interval(new.auroc)]
    return [*cells, f"{none.positives}/{none.negatives}", interval(none.auroc)]
