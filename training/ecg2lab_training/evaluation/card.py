"""card.md: the model card, made from evaluation.json alone.

Its sections follow what a reader of a health AI model is owed: who made it of what, whom it is for, how well it does
and for whom worse, what it must not be used for, and how each statement can be checked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from statistics import mean, median

from ecg2lab_training.evaluation import beside_last_values, few, population, tripod
from ecg2lab_training.evaluation.estimates import Estimate
from ecg2lab_training.evaluation.result import Calibrated, Evaluation, Group, TargetResult, encode
from ecg2lab_training.evaluation.words import (
    agreement,
    auroc,
    decimal,
    interval,
    markdown,
    marked,
    outside,
    over_targets,
    percent,
    share,
)
from ecg2lab_training.progress import counted

METHOD = "Lopez Alcaraz & Strodthoff, Scientific Reports 2025, doi 10.1038/s41598-025-26715-5"


def card(evaluation: Evaluation) -> str:
    """Write the model card: Markdown; equal evaluations give equal cards."""
    sections = {
        "Identity and lineage": _identity(evaluation),
        "Intended use": _intended(evaluation),
        "Out of scope": _out_of_scope(evaluation),
        "Training data": _training(evaluation),
        "Performance": _performance(evaluation),
        "Performance by target": _by_target(evaluation),
        "Forecasts beside the last laboratory value": beside_last_values.section(evaluation),
        "Performance in subgroups": _subgroups(evaluation),
        "Calibration and decision thresholds": _calibration(evaluation),
        "Methods, as TRIPOD+AI asks": tripod.section(evaluation),
        "Limitations": _limitations(evaluation),
        "Ethical considerations": _ethics(),
        "Maintenance": _maintenance(),
        "How to verify": _verify(evaluation),
    }
    body = "\n".join(f"## {title}\n\n{text}" for title, text in sections.items())
    return f"# Model card: {evaluation.model.name}\n\n**{_statement(evaluation)}**\n\n{body}"


def _statement(evaluation: Evaluation) -> str:
    synthetic = evaluation.model.synthetic_weights
    if synthetic:
        return "Trained on simulated patients. It has never seen a person. Not for clinical use."
    if synthetic is None:
        return "Weights of unstated origin. Research software. Not for clinical use."
    return "Research software. Not a medical device. Not for clinical use."


def _identity(e: Evaluation) -> str:
    m = e.model
    return (
        f"- Model: {m.name} ({m.kind})\n"
        f"- Method: {METHOD}: structured state-space layers (S4) for the ECG, late fusion with facts on the patient\n"
        f"- Input: {len(m.leads)} leads ({', '.join(m.leads)}) at {m.sampling_rate_hz:g} Hz, windows of "
        f"{m.window_s:g} s; {', '.join(m.features)}\n"
        f"- Output: a probability for each of {len(e.targets)} laboratory abnormalities\n"
        f"- SHA-256 of the weights: `{m.weights_sha256}`\n"
        f"- SHA-256 of the {'manifest' if m.kind == 'bundle' else 'contract'}: `{m.digest}`\n"
    )


def _intended(e: Evaluation) -> str:
    settings = {t.criterion.setting for t in e.targets if t.criterion}
    words = {"prediction": "are abnormal now", "forecasting": "will be abnormal within the stated minutes"}
    what = " or ".join(words[s] for s in ("prediction", "forecasting") if s in settings) or "are abnormal"
    return (
        f"Research on how well a 12-lead ECG tells which laboratory values {what}, in adults from "
        f"{e.model.minimum_age:g} years. Users: researchers and engineers. A value is measured in the laboratory; this "
        f"model does not replace the measurement.\n"
    )


def _out_of_scope(e: Evaluation) -> str:
    return (
        "- Any decision on diagnosis or treatment\n"
        f"- Patients younger than {e.model.minimum_age:g} years, which the software refuses\n"
        "- Recordings with fewer leads than listed, unless the missing ones follow from the others\n"
        "- Populations, devices or laboratories on which it has not been evaluated\n"
    )


def _training(e: Evaluation) -> str:
    text = f"{e.model.training_data or 'Not stated by the model.'}\n"
    if e.model.synthetic_weights:
        text += (
            "\nAll of it is simulated. What the simulation plants in an ECG was chosen by its authors: that the model "
            "finds it says that the software works, and nothing about patients. The simulated people differ from each "
            "other in axis, intervals, voltage, T wave, ST level, conduction, extrasystoles, breathing, placement of "
            "electrodes and devices, by published ranges of healthy people where there are any, and have common "
            "findings of hospital ECGs that no laboratory value explains (docs/simulation.md).\n"
        )
    if e.training_population is not None:
        p = e.training_population
        rows = [
            [name, *(["–"] * 3 if n.quartiles is None else [f"{q:.4g}" for q in n.quartiles]), percent(n.missing)]
            for name, n in p.numbers.items()
        ]
        text += f"\n{p.records} records in the training folds:\n\n"
        text += markdown(("feature", "lower quartile", "median", "upper quartile", "missing"), rows)
        text += f"\nFor programs:\n\n{population.to_card(p)}\n"
    return text


def _performance(e: Evaluation) -> str:
    d, o = e.data, e.overall
    whose = counted(d.patients, "simulated patient" if d.synthetic else "patient")
    warning = few.sentence(e)
    lines = [f"**{warning}**\n"] if warning else []
    lines += [
        f"Evaluated on {counted(d.records, 'ECG')} of {whose}: {d.description} ({d.part}).\n",
        f"Macro AUROC over {counted(o.targets, 'target')}: {over_targets(e, o.macro_auroc)} "
        f"({e.settings.rounds} bootstrap rounds over {_unit(e)}, 95 %).\n",
    ]
    if e.baseline is not None:
        lines.append(
            f"Without the ECG ({e.baseline.description}): {over_targets(e, e.baseline.macro_auroc)}; "
            f"the model adds {over_targets(e, e.baseline.gain)}.\n"
        )
    if e.ideal is not None and e.ideal.targets:
        lines.append(
            f"An ideal observer of the simulation reaches {decimal(e.ideal.macro_ideal)} over the {e.ideal.targets} "
            f"targets planted in the ECG, the model {decimal(e.ideal.macro_model)}: "
            f"a gap of {over_targets(e, e.ideal.macro_gap)}"
            f"{', below zero by chance' if (e.ideal.macro_gap.value or 0) < 0 else ''}.\n"
        )
    if len(e.windows) > 1:
        counts = ", ".join(f"{w.windows}: {decimal(w.macro_auroc.value)}" for w in e.windows)
        lines.append(f"Macro AUROC by count of windows averaged: {counts}.\n")
    return "\n".join(lines)


def _unit(e: Evaluation) -> str:
    return "patients" if e.settings.bootstrap == "patients" else "ECGs"


def _by_target(e: Evaluation) -> str:
    head = ("target", "abnormality", "when", "AUROC [95 % CI]", "AUPRC", "prevalence", "pos./neg.", "without label")
    return markdown(head, [_target(t, e.data.records) for t in e.targets])


def _target(t: TargetResult, records: int) -> list[str]:
    c = t.criterion
    meaning = [str(c), c.when] if c else ["not stated", ""]
    counts, without = f"{t.positives}/{t.negatives}", percent(1 - (t.positives + t.negatives) / records)
    return [t.name, *meaning, auroc(t), decimal(t.auprc), percent(t.prevalence), counts, without]


def _subgroups(e: Evaluation) -> str:
    head = ("attribute", "value", "ECGs", "patients", "targets", "macro AUROC [95 % CI]", *_IN_A_GROUP)
    return markdown(head, [_group(g) for g in e.groups]) + (
        f"\nSubgroups of an attribute are compared by the same targets: those with at least {few.GROUP_CASES} "
        f"positives and {few.GROUP_CASES} negatives in each. Subgroups of fewer than {few.PATIENTS} patients are "
        "counted and not judged. Sensitivity and specificity are at the thresholds that all patients have. "
        "Subgroups differ by chance, too: evaluation.json has each target with its intervals.\n"
    )


_IN_A_GROUP = ("median intercept", "median slope", "mean sensitivity", "mean specificity")


def _group(g: Group) -> list[str]:
    agreements = [t.agreement for t in g.targets.values() if t.agreement]
    values = (
        _over(median, [a.intercept for a in agreements]),
        _over(median, [a.slope for a in agreements]),
        _over(mean, [t.sensitivity for t in g.targets.values()]),
        _over(mean, [t.specificity for t in g.targets.values()]),
    )
    counts = map(str, (g.records, g.patients, len(g.targets)))
    return [g.attribute, g.value, *counts, interval(g.macro_auroc), *map(decimal, values)]


def _over(summary: Callable[[list[float]], float], estimates: Iterable[Estimate | None]) -> float | None:
    values = [one.value for one in estimates if one is not None and one.value is not None]
    return summary(values) if values else None


def _calibration(e: Evaluation) -> str:
    head = ("target", "intercept [95 % CI]", "slope [95 % CI]", "mean error", "largest error", "ECE", "by chance alone")
    each = markdown(head, [_reliance(t) for t in e.targets])
    medians = e.overall.medians
    middle = (
        f"Medians over {medians.targets} targets: intercept {decimal(medians.intercept)}, slope "
        f"{decimal(medians.slope)}, mean error of the smooth curve {decimal(medians.average_error)}. An intercept "
        "above 0 says that probabilities are too low, a slope below 1 that they are too extreme. The errors are those "
        "of the smooth curve in reliability.png; the ECE depends on bins and on the number of records and stands only "
        "beside them.\n"
    )
    scores = ("", "mean ECE", "by chance alone", "pooled ECE", "by chance alone", "mean Brier score")
    before, after = _agreement("not calibrated", e.overall.before), _agreement("calibrated", e.overall.after)
    title = f"Decisions ({e.settings.rule}) on the calibrated probability, with all windows and facts:"
    rates = [f"{name} [95 % CI]" for name in ("sensitivity", "specificity", "PPV")]
    columns = ("target", "threshold", *rates, "PPV, NPV at prevalence", *_SETS)
    decided = markdown(columns, [_decision(t) for t in e.targets if t.decision])
    parts = (
        f"Calibration: {e.overall.calibration_from}.\n",
        each,
        middle,
        markdown(scores, [before, after]),
        f"{title}\n",
        f"{decided}{_sets(e)}{_undecided(e)}",
        outside(e.outside),
        _benefit(e),
    )
    return "\n".join(parts)


def _reliance(t: TargetResult) -> list[str]:
    errors = (None, None) if t.curve is None else (t.curve.average_error, t.curve.largest_error)
    ece = (None, None) if t.after is None else (t.after.ece, t.after.ece_by_chance)
    return [marked(t, t.name), *agreement(t), *map(decimal, (*errors, *ece))]


def _benefit(e: Evaluation) -> str:
    """Where flagging by the model is worth more than flagging everybody or nobody."""
    ranges = {t.name: t.net_benefit.better() for t in e.targets if t.net_benefit is not None}
    lines = [
        f"- {name}: {'; '.join(' to '.join(dict.fromkeys(map(share, span))) for span in spans)}"
        for name, spans in ranges.items()
        if spans
    ]
    nowhere = [name for name, spans in ranges.items() if not spans]
    if nowhere:
        lines.append(f"- nowhere: {', '.join(nowhere)}")
    return (
        "Thresholds over which flagging by the model has a higher net benefit than flagging everybody and than "
        "flagging nobody, by the lower end of its 95 % interval, searched between a fifth and three times the "
        "prevalence, 90 % at most (decision_curves.png):\n\n"
        + "\n".join(lines or ["- no target has both classes"])
        + "\n"
    )


def _undecided(e: Evaluation) -> str:
    names = [t.name for t in e.targets if t.decision is None]
    if not names:
        return ""
    return (
        "\nWithout a decision, because the patients on whom thresholds were chosen are too few or do not show that a "
        f"flag says more than the base rate (the contract says which): {', '.join(names)}. The software gives a "
        "probability for them and never says *flagged* or *not flagged*.\n"
    )


def _agreement(name: str, c: Calibrated) -> list[str]:
    values = (c.mean_ece, c.mean_ece_by_chance, c.pooled_ece, c.pooled_ece_by_chance, c.mean_brier)
    return [name, *map(decimal, values)]


def _decision(t: TargetResult) -> list[str]:
    d = t.decision
    if d is None:
        return [t.name, *["–"] * 8]
    values = "; ".join(f"{percent(v.ppv)}, {percent(v.npv)} at {percent(v.prevalence)}" for v in d.predictive_values)
    c = t.conformal
    sets = ["–"] * 3 if c is None else map(interval, (c.coverage_positive, c.coverage_negative, c.unsure))
    rates = map(interval, (d.sensitivity, d.specificity, d.ppv))
    return [marked(t, t.name), f"{d.threshold:.3g}", *rates, values, *sets]


_SETS = ("coverage of the abnormal [95 % CI]", "of the others [95 % CI]", "unsure [95 % CI]")


def _sets(e: Evaluation) -> str:
    errors = sorted({t.conformal.error for t in e.targets if t.conformal})
    if not errors:
        return ""
    return (
        f"\nCoverage: share of either class whose conformal set (error {' or '.join(map(share, errors))}) holds the "
        "true answer. Unsure: not flagged, and the set holds both answers or neither.\n"
    )


def _limitations(e: Evaluation) -> str:
    tested_little = [t.name for t in e.targets if few.has_few(t)]
    lines = [
        "- External validation has cost most published models of this kind 0.03 to 0.13 AUROC.",
        "- A label exists only where the laboratory was asked: those who were not tested are not represented.",
        "- Missing facts are replaced by the training median.",
    ]
    if tested_little:
        lines.append(f"- Fewer than {few.CASES} positives or negatives were tested for: {', '.join(tested_little)}.")
    lines += [f"- {sentence}." for sentence in (*e.shift, *e.notes)]
    return "\n".join(lines) + "\n"


def _ethics() -> str:
    return (
        "Race and sex are inputs of the published method. Race is a social category and stands in for unmeasured "
        "circumstances; a model can carry inequalities of care on into its answers.\n"
    )


def _maintenance() -> str:
    return (
        "Evaluate again on own patients before any use, after each change of ECG device, laboratory method or patient "
        "mix, and at set times: `ecg2lab evaluate MODEL TABLE.csv --out DIR`; `--recalibrate` refits calibration and "
        "thresholds. Weights never change in a bundle: a new model is a new bundle.\n"
    )


def _verify(e: Evaluation) -> str:
    return (
        f"- This card is made from evaluation.json alone; its SHA-256 is `{hashlib.sha256(encode(e)).hexdigest()}`.\n"
        f"- SHA-256 of the data evaluated: `{e.data.sha256}`.\n"
        f"- Repeat with the same data: the same seed ({e.settings.seed}) gives the same figures.\n"
        "- `ecg2lab selftest MODEL` compares this machine's answers with those of the checkpoint.\n"
    )
