"""What a model's answers may claim: operating points, when a target is unsure, and how far experience reaches."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from ecg2lab.contract.fields import Count, Cutoff, Facts, Name, Positive, Sentence, Share, Strict, Windows


class Measured(Strict, frozen=True, kw_only=True):
    """A share as it was measured, with its 95 % interval: a bootstrap over patients."""

    value: Share
    low: Share
    high: Share


class ConformalSet(Strict, frozen=True, kw_only=True):
    """When a target that is not flagged counts as unsure: class-conditional (Mondrian) conformal prediction.

    The set of a recording holds *abnormal*, *not abnormal*, both or neither. Of either class, at most a share `error`
    of recordings has a set without the true answer, if they are exchangeable with those it was fitted on: one recording
    of each patient. Both or neither: unsure. Vovk, Machine Learning 2013, doi 10.1007/s10994-013-5355-6.
    """

    error: Cutoff
    positive_from: Share
    """Calibrated probability from which the set holds *abnormal*."""
    negative_to: Share
    """Calibrated probability up to which the set holds *not abnormal*."""
    coverage_positive: Measured | None = None
    """Share of the positives whose set holds *abnormal*."""
    coverage_negative: Measured | None = None
    unsure: Measured | None = None
    """Share of recordings that are."""


class OperatingPoint(Strict, frozen=True, kw_only=True):
    """From which probability on a target is flagged, and what such a flag was worth where it was measured.

    It holds as it was measured: for a mean over so many windows, and for so much known of the patient.
    """

    windows: Windows
    """Over which the probability is a mean: 4 of a 10-s ECG, 1 in a stream."""
    facts: Facts
    """What was known beside the ECG: whatever the data set had of the contract's features, or age and sex alone."""
    most_missing: Count
    """Features that 95 % of the recordings lacked at most: where more are missing, the point does not hold."""
    threshold: Cutoff | None = None
    """Calibrated probability from which the target counts as flagged; None: no decision."""
    reason: Sentence | None = None
    """Why there is no threshold; None: there is one."""
    patients: Count
    positives: Count
    negatives: Count
    """Recordings on which it was measured."""
    prevalence: Share | None = None
    """Share of positives among them: the base rate, at which PPV and NPV hold."""
    sensitivity: Measured | None = None
    specificity: Measured | None = None
    ppv: Measured | None = None
    """Share of right ones among the flags."""
    npv: Measured | None = None
    """Share of negatives among those that are not flagged."""
    conformal: ConformalSet | None = None
    """None: whatever is not flagged counts as not flagged."""


class Decision(Strict, frozen=True, kw_only=True):
    """How it is decided whether a target is flagged."""

    rule: Name
    """By which the thresholds were chosen, such as `specificity=0.9`."""
    chosen_on: Name
    """Recordings that thresholds were chosen on, and that said whether there is one."""
    measured_on: Name
    """Recordings that the figures are of: not those, or each by a threshold of the others."""
    points: Annotated[tuple[OperatingPoint, ...], Meta(min_length=1)]


class TrainedRange(Strict, frozen=True, kw_only=True):
    """The values of one number in the training folds."""

    name: Name
    """Of a continuous feature."""
    minimum: float
    maximum: float


class ExperienceLimit(Strict, frozen=True, kw_only=True):
    """Beyond which distance a recording lies outside experience. Holds as an operating point does."""

    windows: Windows
    """Over which the features are a mean."""
    facts: Facts
    most_missing: Count
    """As for an operating point."""
    distance: Positive
    patients: Count
    """On whose recordings it was chosen."""


class Experience(Strict, frozen=True, kw_only=True):
    """How far what the model was trained on reaches: beyond it, nothing is decided.

    The distance of a recording is that of its features (what the network's last layer is given, as a mean over the
    windows) from those of the training folds, by their own shrunk covariance: a Mahalanobis distance. Lee et al.,
    NeurIPS 2018, arXiv 1807.03888; Ledoit & Wolf, J. Multivariate Analysis 2004, doi 10.1016/S0047-259X(03)00096-4.
    """

    features: Annotated[int, Meta(ge=1, le=1_000_000)]
    """How many the network has; a bundle holds their mean and whitening (`experience.safetensors`)."""
    quantile: Cutoff
    """Share of recordings like those of the training folds that lie within the limit of distance."""
    trained_on: Name
    """Recordings that mean, whitening and ranges are of."""
    chosen_on: Name
    """Recordings that the limits were chosen on."""
    ranges: tuple[TrainedRange, ...] = ()
    """A number that is given and lies beyond its range is outside experience."""
    limits: Annotated[tuple[ExperienceLimit, ...], Meta(min_length=1)]
