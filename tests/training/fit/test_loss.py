"""Focal loss against numbers made by hand."""

from __future__ import annotations

import math

import pytest
import torch

from ecg2lab_training.fit.loss import focal_loss

NAN = math.nan


def one(probability_of_truth: float, gamma: float = 2) -> float:
    """Contribution of one label."""
    return -((1 - probability_of_truth) ** gamma) * math.log(probability_of_truth)


def logit(p: float) -> float:
    """Inverse of the logistic function."""
    return math.log(p / (1 - p))


def test_mean_over_known_labels_sum_over_targets() -> None:
    logits = torch.tensor([[logit(0.9), logit(0.2)], [logit(0.4), logit(0.7)]], dtype=torch.float64)
    labels = torch.tensor([[1.0, 0.0], [0.0, NAN]], dtype=torch.float64)
    expected = (one(0.9) + one(0.6)) / 2 + one(0.8)
    assert focal_loss(logits, labels).item() == pytest.approx(expected, rel=1e-12)


def test_target_without_known_labels_contributes_nothing_and_moves_nothing() -> None:
    logits = torch.tensor([[0.3, -2.0]], requires_grad=True)
    loss = focal_loss(logits, torch.tensor([[1.0, NAN]]))
    loss.backward()
    assert loss.item() == pytest.approx(one(1 / (1 + math.exp(-0.3))), rel=1e-5)
    assert logits.grad is not None
    assert logits.grad[0, 1].item() == 0
    assert math.isfinite(logits.grad[0, 0].item())


def test_without_gamma_it_is_cross_entropy() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(30, 4, generator=generator)
    labels = torch.randint(0, 2, (30, 4), generator=generator).float()
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    torch.testing.assert_close(focal_loss(logits, labels, gamma=0), expected.mean(dim=0).sum())


@pytest.mark.parametrize("logit_value", [-200.0, 200.0])
def test_extreme_logits_stay_finite(logit_value: float) -> None:
    logits = torch.tensor([[logit_value]], requires_grad=True)
    for label in (0.0, 1.0):
        loss = focal_loss(logits, torch.tensor([[label]]))
        (gradient,) = torch.autograd.grad(loss, logits)
        assert torch.isfinite(loss)
        assert torch.isfinite(gradient).all()
