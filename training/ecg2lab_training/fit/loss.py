"""Focal binary cross-entropy over labels that are partly unknown."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def focal_loss(logits: Tensor, labels: Tensor, gamma: float = 2.0, counts: Tensor | None = None) -> Tensor:
    """Mean over the known labels of each target, summed over targets.

    With p the probability given to the label that is true, a label contributes -(1 - p)^γ log p (Lin et al.
    2017, arXiv 1708.02002). A target without any known label in the batch contributes 0.

    Parameters
    ----------
    logits
        (B n).
    labels
        (B n): 0, 1, or NaN where unknown.
    gamma
        0 gives plain cross-entropy.
    counts
        (n) known labels of a batch of which these rows are a part: the losses of all parts then add up to that of the
        whole. None: these rows are the batch.

    Returns
    -------
    Tensor, scalar
    """
    labelled = ~torch.isnan(labels)
    truth = torch.where(labelled, labels, 0)  # a NaN would reach the gradient even under a mask
    log_p = functional.logsigmoid(torch.where(truth > 0.5, logits, -logits))
    focal = -((1 - log_p.exp()) ** gamma) * log_p
    divisor = (labelled.sum(dim=0) if counts is None else counts).clamp(min=1)
    return (torch.where(labelled, focal, 0).sum(dim=0) / divisor).sum()
