"""The floor computes what it says: the right products, counted right, by every library that is here."""

from __future__ import annotations

from contextlib import ExitStack
from importlib import util
from typing import Any

import numpy as np
import pytest

from ecg2lab_bench.measuring import floors
from ecg2lab_bench.measuring.floors import Products, candidates

PRODUCTS = Products(rows=50, channels=16, layers=3)


def test_operations_of_the_published_network() -> None:
    four_products = 4 * 2 * 250 * 512 * 1024
    assert Products(rows=250, channels=512, layers=4).flops == four_products
    assert Products(rows=1000, channels=512, layers=4).flops == 4 * four_products


def test_every_candidate_computes_the_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    x, weights = PRODUCTS.draw()
    with ExitStack() as undo:
        found, left_out = candidates(PRODUCTS, 1, undo)
        assert {"ONNX Runtime", "NumPy BLAS"} <= set(found)
        assert set(found) | set(left_out) == {"ONNX Runtime", "NumPy BLAS", "torch oneDNN"}
        for call in found.values():
            results = [_as_array(y) for y in call()]
            assert [y.shape for y in results] == [(50, 32)] * 3
            for result, weight in zip(results, weights, strict=True):
                # float32 sums of 16 products of normal numbers
                np.testing.assert_allclose(result, x.astype(np.float64) @ weight, atol=1e-5)


def _as_array(value: Any) -> Any:
    return value if isinstance(value, np.ndarray) else value.numpy()


def test_the_thread_count_of_torch_is_given_back() -> None:
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    with ExitStack() as undo:
        candidates(PRODUCTS, before + 1, undo)
    assert torch.get_num_threads() == before


def test_a_blas_that_cannot_be_pinned_is_left_out_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    monkeypatch.setattr(floors, "usable_cpus", lambda: 2)
    find, hidden = util.find_spec, {"threadpoolctl", "torch"}
    monkeypatch.setattr(util, "find_spec", lambda name: None if name in hidden else find(name))
    with ExitStack() as undo:
        found, left_out = candidates(PRODUCTS, 1, undo)
        several = candidates(PRODUCTS, 2, undo)[1]
    assert list(found) == ["ONNX Runtime"]
    assert "OPENBLAS_NUM_THREADS=1" in left_out["NumPy BLAS"]
    assert left_out["torch oneDNN"] == "torch is not installed"
    assert "spin" in several["NumPy BLAS"]


def test_integer_floors_are_integer_products(monkeypatch: pytest.MonkeyPatch) -> None:
    products = Products(rows=5, channels=16, layers=2)
    with ExitStack() as undo:
        found, left_out = candidates(products, 1, undo, "int8")
        assert "int8, ONNX Runtime" in found
        assert len(found) + len(left_out) == 2
        sums = [_as_array(y) for y in found["int8, ONNX Runtime"]()]
        assert [(y.shape, y.dtype) for y in sums] == [((5, 32), np.int32)] * 2  # without VNNI their pairs saturate
        assert candidates(products, 1, undo, "fp16") == ({}, {})
        find = util.find_spec
        monkeypatch.setattr(util, "find_spec", lambda name: None if name == "torch" else find(name))
        for precision in ("int8", "bf16"):
            reasons = candidates(products, 1, undo, precision)[1]
            assert reasons[f"{precision} floor, torch oneDNN"] == "torch is not installed"
