"""Focal binary cross-entropy over labels that are partly unknown."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def focal_loss(logits: Tensor, labels: Tensor, gamma: float = 2.0) -> Tensor:
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

    Returns
    -------
    Tensor, scalar
    """
    known = ~torch.isnan(labels)
    truth = torch.where(known, labels, 0)  # a NaN would reach the gradient even under a mask
    log_p = functional.logsigmoid(torch.where(truth > 0.5, logits, -logits))
    focal = -((1 - log_p.exp()) ** gamma) * log_p
    counts = known.sum(dim=0).clamp(min=1)
    return (torch.where(known, focal, 0).sum(dim=0) / counts).sum()
