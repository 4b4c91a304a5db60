"""Results: ratios to the right floor, a file that reads back as it was, and files that are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from ecg2lab_bench.measuring import machine, results
from ecg2lab_bench.measuring.against_floors import compare_with_floors, warnings_of
from ecg2lab_bench.measuring.results import Machine, Model, Results, ResultsError, Timing
from ecg2lab_bench.measuring.timing import Subject
from ecg2lab_bench.report import comparison
from ecg2lab_bench.report.page import markdown
from ecg2lab_bench.scenarios import engine


def timing(p50_ms: float, spread: float = 1.1) -> Timing:
    return Timing(
        calls=10,
        minimum_ms=0.9 * p50_ms,
        mean_ms=p50_ms,
        p50_ms=p50_ms,
        p90_ms=spread * p50_ms,
        p99_ms=2 * spread * p50_ms,
    )


TIMED: list[tuple[str | None, Any, str, int, float]] = [
    ("demo", "floor", "slow", 1, 4.0),
    ("demo", "floor", "fast", 1, 2.0),
    ("demo", "bare", "onnxruntime", 1, 5.0),
    ("demo", "floor", "slow", 4, 6.0),
    ("demo", "end to end", "onnxruntime", 4, 12.0),
    (None, "preprocessing", "native", 4, 1500.0),
]


def make(scale: float = 1.0, **changes: Any) -> Results:
    """A run whose networks, but not its floors, take `scale` times as long."""
    subjects = [Subject(*row[:4], call=lambda: None, flops=8_000_000 if row[1] == "floor" else None) for row in TIMED]
    timings = [timing(row[4] * (1 if row[1] == "floor" else scale)) for row in TIMED]
    return msgspec.structs.replace(EMPTY, measurements=compare_with_floors(subjects, timings), **changes)


EMPTY = Results(
    created="2025-01-01T00:00:00+00:00",
    threads=1,
    budget_s=1.0,
    rounds=3,
    machine=Machine(
        cpu="CPU",
        architecture="x86_64",
        cpus=4,
        usable_cpus=2,
        simd=("avx2",),
        os="Linux",
        load_average=None,
        versions={"python": "3"},
    ),
    models=(
        Model(
            key="demo",
            name="a name",
            weights="synthetic weights, not for clinical use",
            bundle_digest="0",
            bundle_mb=1.0,
            hidden=8,
            state_size=4,
            layers=1,
            causal=False,
            window=50,
            targets=3,
            form="recurrent",
            precision="fp32",
            backend="onnxruntime",
        ),
    ),
    measurements=(),
    left_out={"NumPy BLAS": "its threads cannot be pinned"},
    warnings=(),
)


def test_a_ratio_is_to_the_fastest_floor_of_the_same_batch() -> None:
    measured = make().measurements
    assert [m.ratio for m in measured] == [2.0, 1.0, 2.5, 1.0, 2.0, None]
    assert measured[1].gflops == pytest.approx(4)  # 8e6 operations in 2 ms
    assert measured[2].gflops is None


@pytest.mark.parametrize("folder", [True, False])
def test_the_file_reads_back_as_it_was(tmp_path: Path, folder: bool) -> None:
    found = make()
    written = tmp_path / "results.json"
    written.write_bytes(results.encode(found))
    assert results.read(tmp_path if folder else written) == found


def test_results_of_the_first_release_read_and_compare(data_folder: Path) -> None:
    old = results.read(data_folder / "released" / "0.1.0" / "bench.json")
    changes = comparison.compare(old, old).changes
    assert {(c.model, c.subject, c.batch) for c in changes} == {("full-size", "form", 1), ("full-size", "form", 4)}
    assert {c.change for c in changes} == {0.0}


NO_RESULTS = {
    "empty": b"",
    "cut": b"{",
    "list": b"[]",
    "binary": b"\xff\xfe",
    "incomplete": b'{"schema_version": 1}',
    "newer": results.encode(EMPTY).replace(b'"schema_version": 1', b'"schema_version": 2'),
    "negative": results.encode(make(scale=-1.0)),
}


@pytest.mark.parametrize("content", NO_RESULTS.values(), ids=NO_RESULTS.keys())
def test_what_is_no_results_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.json"
    path.write_bytes(content)
    with pytest.raises(ResultsError, match=r"other\.json does not hold results"):
        results.read(path)


def test_missing_results_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"results\.json.*No such file.*bench run --out"):
        results.read(tmp_path)


def test_an_unsteady_floor_is_a_warning() -> None:
    floor, bare = make().measurements[1:3]
    unsteady = msgspec.structs.replace(floor, timing=timing(2.0, spread=1.5))
    assert warnings_of([floor, bare]) == ()
    assert warnings_of([]) == ()
    assert "1.50 times its p50" in warnings_of([unsteady, bare])[0]


def test_markdown_says_where_the_weights_come_from_and_what_was_left_out() -> None:
    page = markdown(engine.page(make(warnings=("the machine was busy",))))
    assert "## demo: synthetic weights, not for clinical use" in page
    assert "| bare, onnxruntime | 1 | 5.00 | 5.50 | 11.00 | 10 | 2.50 |" in page
    assert "NumPy BLAS: its threads cannot be pinned." in page
    assert "Warning: the machine was busy." in page


def test_comparison_is_of_ratios_and_of_times_where_there_is_no_floor() -> None:
    changes = comparison.compare(make(), make(scale=0.8)).changes
    assert [(c.subject, c.ratio) for c in changes] == [
        ("bare", pytest.approx((2.5, 2.0))),
        ("end to end", pytest.approx((2.0, 1.6))),
        ("preprocessing", None),
    ]
    assert [c.change for c in changes] == pytest.approx([-0.2] * 3)


def test_comparison_says_what_makes_runs_less_alike() -> None:
    other = msgspec.structs.replace(EMPTY.machine, cpu="another CPU")
    model = msgspec.structs.replace(EMPTY.models[0], bundle_digest="1")
    remarks = comparison.compare(make(), make(threads=2, machine=other, models=(model,), warnings=("busy",))).remarks
    assert len(remarks) == 4
    assert comparison.compare(make(), make()).remarks == ()


def test_runs_without_a_common_subject_are_refused() -> None:
    with pytest.raises(ResultsError, match="no subject in common"):
        comparison.compare(make(), EMPTY)


def test_the_machine_is_described_wherever_tests_run() -> None:
    here = machine.describe()
    assert here.cpu
    assert 1 <= here.usable_cpus <= here.cpus
    assert {"python", "numpy", "onnxruntime"} <= set(here.versions)


def test_cpuinfo_of_intel_and_of_arm_and_none(tmp_path: Path) -> None:
    intel, arm = tmp_path / "intel", tmp_path / "arm"
    intel.write_text("processor\t: 0\nmodel name\t: Xeon\nflags\t\t: fpu avx2\n\nprocessor\t: 1\nmodel name\t: other\n")
    arm.write_text("processor\t: 0\nFeatures\t: asimd i8mm\nModel\t\t: Raspberry Pi 5\n")
    assert machine._cpuinfo(intel)["model name"] == "Xeon"
    assert machine._cpuinfo(arm)["Features"] == "asimd i8mm"
    assert machine._cpuinfo(tmp_path / "none") == {}
