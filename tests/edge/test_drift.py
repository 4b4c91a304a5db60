"""Drift is said where it is, and not where chance would do as much; of populations that somebody stated."""

import copy
import json

import msgspec
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

import ecg2lab
from ecg2lab.demo import bundle_path, record_path
from ecg2lab.edge import config
from ecg2lab.edge.drift import psi
from ecg2lab.edge.drift.monitor import Drift
from ecg2lab.edge.drift.observed import Observer
from ecg2lab.edge.ledger import Ledger
from ecg2lab.edge.metrics import Metrics
from ecg2lab.edge.problems import Problems

rng = np.random.default_rng


# ---- the index


def test_an_index_by_hand():
    """Shares 0.25, 0.75 against 0.5, 0.5: 0.25·ln 1.5 + 0.25·ln 2 = 0.2747; half a count is added to each bin."""
    found = psi.psi(np.array([50000, 50000]), np.array([25000, 75000]))
    assert found.value == pytest.approx(0.25 * np.log(1.5) + 0.25 * np.log(2), abs=1e-4)
    assert found.chance == pytest.approx(2 / 100000)


@pytest.mark.parametrize("seed", range(5))
def test_the_index_is_the_sum_of_both_relative_entropies(seed):
    """As scipy has them."""
    stats = pytest.importorskip("scipy.stats")
    p, q = rng(seed).integers(1, 90, (2, 10))
    expected = stats.entropy(p + 0.5, q + 0.5) + stats.entropy(q + 0.5, p + 0.5)
    assert psi.psi(q, p).value == pytest.approx(expected)
    assert psi.psi(p, q).value == pytest.approx(expected)


@pytest.mark.parametrize("freedom", [1, 2, 5, 10, 20])
def test_what_chance_exceeds_once_in_a_hundred_is_near_chi_square(freedom):
    """Wilson & Hilferty's cube is within 3 % of scipy's quantile."""
    stats = pytest.importorskip("scipy.stats")
    assert psi._chi_square(freedom) == pytest.approx(stats.chi2.ppf(0.99, freedom), rel=0.03)


POPULATIONS = {
    "normal": lambda r, n: r.normal(size=n),
    "whole numbers": lambda r, n: r.poisson(3, n).astype(float),
    "mostly one value": lambda r, n: np.where(r.random(n) < 0.9, 97.0, 98.0),
    "often not given": lambda r, n: np.where(r.random(n) < 0.4, np.nan, r.normal(size=n)),
    "probabilities": lambda r, n: r.beta(0.5, 5, n),
}


@pytest.mark.parametrize("population", POPULATIONS.values(), ids=POPULATIONS)
@pytest.mark.parametrize(("n", "m"), [(100, 100), (100, 1000), (1000, 1000)])
def test_between_samples_of_one_population_it_is_what_chance_gives(population, n, m):
    """Over 400 pairs the mean is within a quarter of what is stated, and 3 % at most lie beyond the bound of 1 %."""
    random, found = rng(1), []
    for _ in range(400):
        reference = population(random, m)
        edges = psi.decile_edges(reference)
        found.append(psi.psi(psi.counted(reference, edges), psi.counted(population(random, n), edges)))
    assert np.mean([one.value for one in found]) == pytest.approx(np.mean([one.chance for one in found]), rel=0.25)
    assert np.mean([one.value > one.rare for one in found]) <= 0.03


@pytest.mark.parametrize(
    ("reference", "here"),
    [
        ([1.0] * 100, [2.0] * 100),
        ([1.0] * 100, [np.nan] * 100),
        ([np.nan] * 100, [1.0] * 100),
        (np.arange(100.0), np.arange(100.0) + 1000),
    ],
    ids=["constant", "no longer given", "given now", "elsewhere"],
)
def test_empty_bins_give_a_large_and_finite_index(reference, here):
    edges = psi.decile_edges(np.array(reference))
    found = psi.psi(psi.counted(np.array(reference), edges), psi.counted(np.array(here), edges))
    assert np.isfinite(found.value)
    assert found.value > 10 * found.rare


def test_every_value_is_in_one_bin():
    values = np.array([np.nan, 1.0, 2.0, 2.0, 3.0, np.inf, -np.inf])
    assert psi.counted(values, (1.0, 2.0)).tolist() == [2, 2, 2, 1]
    assert psi.counted(values, ()).tolist() == [6, 1]


# ---- rows of answers


@pytest.fixture(scope="module")
def engine():
    with ecg2lab.load(bundle_path(), threads=1) as loaded:
        yield loaded


@pytest.fixture(scope="module")
def answer(engine):
    """`answer(facts, …)`: the JSON of an answer, as bytes; other arguments change it."""
    recording = ecg2lab.read(record_path())
    base = json.loads(engine.predict(recording, ecg2lab.Patient(age=63.0, sex="female")).to_json())

    def make(facts=None, probability=None, digest=None, outside=False, out_of_range=()):
        said = copy.copy(base)
        said["patient"] = {**base["patient"], "given": facts or {}, "out_of_range": list(out_of_range)}
        if probability is not None:
            said["findings"] = [{**finding, "probability": probability} for finding in base["findings"]]
        if digest is not None:
            said["engine"] = {**base["engine"], "bundle_digest": digest}
        said["experience"] = {**base["experience"], "outside": outside}
        return msgspec.json.encode(said)

    return make


def row_of(engine, content):
    observer = Observer(engine.contract, engine.info.bundle_digest)
    return dict(zip(((c.kind, c.name) for c in observer.columns), observer.observe(1, 0.0, content).row, strict=True))


@pytest.mark.parametrize(
    ("facts", "name", "value"),
    [
        ({"age": 63.0}, "age", 63),
        ({"age": 95.0}, "age", 91),
        ({}, "age", np.nan),
        ({"temperature_c": 37.0}, "temperature_f", 98.6),
        ({"temperature_f": 99.0}, "temperature_f", 99),
        ({"height_cm": 200.0, "weight_kg": 80.0}, "bmi", 20),
        ({"height_cm": 200.0, "weight_kg": 80.0, "bmi": 21.0}, "bmi", 21),
        ({"sex": "female"}, "sex", 0),
        ({"sex": "male"}, "sex", 1),
        ({}, "sex", np.nan),
        ({"spo2_percent": 1000.0}, "spo2_percent", np.nan),
    ],
)
def test_a_fact_is_compared_as_the_network_is_given_it(engine, answer, facts, name, value):
    np.testing.assert_allclose(row_of(engine, answer(facts))["fact", name], value)


@pytest.mark.parametrize("content", [b"{}", b"no JSON", b'{"findings": []}', b"\xff"])
def test_an_answer_of_another_version_is_left_out(engine, content):
    assert Observer(engine.contract, engine.info.bundle_digest).observe(1, 0.0, content) is None


def test_a_fact_out_of_range_counts_as_not_given(engine, answer):
    assert np.isnan(row_of(engine, answer({"age": 63.0}, out_of_range=["age"]))["fact", "age"])


def test_the_ecg_is_measured(engine, answer):
    row = row_of(engine, answer())
    measured = [row["ecg", name] for name in ("noise", "wander", "amplitude", "distance")]
    assert all(np.isfinite(value) and value > 0 for value in measured)


# ---- over a ledger


@pytest.fixture
def ledger(tmp_path):
    kept = Ledger(tmp_path / "state")
    yield kept
    kept.close()


@pytest.fixture
def drifting(engine, ledger, tmp_path):
    def make(reference=100, window=100, digest=None):
        told = config.Drift(reference=reference, window=window)
        where = (tmp_path / "drift",)
        return Drift(ledger.survey, engine.contract, digest or engine.info.bundle_digest, told, *where, fresh_s=0)

    return make


def fill(ledger, contents):
    """Answers of so many recordings, kept in one transaction; the recordings."""
    query = "INSERT INTO recordings (id, origin, sender, facts, received, state, answered, answer)"

    def work(store):
        first = store.execute("SELECT coalesce(max(number), 0) + 1 FROM recordings").fetchone()[0]
        for number, content in enumerate(contents, first):
            values = (f"{number:040x}", "test", "test", "{}", float(number), "answered", float(number), content)
            store.execute(f"{query} VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
        return first

    first = ledger._store.write(work)
    return [ledger.kept(number) for number in range(first, first + len(contents))]


def ages(answer, n, mean, seed=0, **more):
    random = rng(seed)
    return [answer({"age": float(age)}, probability=float(p), **more) for age, p in drawn(random, n, mean)]


def drawn(random, n, mean):
    return zip(random.normal(mean, 10, n), random.beta(1, 9, n), strict=True)


def by_name(report):
    return {(one.kind, one.of): one for one in report.psi}


def test_no_index_is_said_before_there_is_enough(drifting, ledger, answer):
    drift = drifting()
    fill(ledger, ages(answer, 99, 60))
    report = drift.report()
    assert (report.psi, report.reason) == ((), "the reference is not complete: 99 of 100 answers")
    assert (report.window.n, report.compared.n, report.reference.n) == (99, 0, 99)
    fill(ledger, ages(answer, 50, 60))
    report = drift.report()
    assert (report.psi, report.reason) == ((), "49 answers came since the reference, and a PSI needs 100")
    assert (report.window.n, report.compared.n, report.reference.n) == (100, 49, 100)


def test_what_has_shifted_is_named_and_nothing_else(drifting, ledger, answer):
    drift = drifting()
    fill(ledger, ages(answer, 100, 60, seed=1))
    fill(ledger, ages(answer, 150, 80, seed=2))
    found = by_name(drift.report())
    assert found["fact", "age"].shifted
    assert found["fact", "age"].psi > found["fact", "age"].rare > found["fact", "age"].chance
    assert [key for key, one in found.items() if one.shifted] == [("fact", "age")]
    assert all(sum(one.here) == pytest.approx(1, abs=0.01) and len(one.bins) == len(one.here) for one in found.values())


def test_without_a_shift_nothing_is_named(drifting, ledger, answer):
    drift = drifting(window=200)
    fill(ledger, ages(answer, 300, 60, seed=3))
    assert [one.of for one in drift.report().psi if one.shifted] == []


def test_what_was_erased_is_looked_at_no_more(drifting, ledger, answer):
    drift = drifting()
    fill(ledger, ages(answer, 100, 60))
    later = fill(ledger, ages(answer, 120, 60))
    assert drift.report().window.n == 100
    for kept in later[:60]:
        ledger.erase(kept.id, "test")
    report = drift.report()
    assert (report.window.n, report.compared.n) == (100, 60)
    assert "60 answers" in report.reason
    assert not {kept.number for kept in later[:60]} & drift._rows.keys()


def test_a_reference_is_kept_as_counts_alone_and_outlives_its_answers(drifting, ledger, answer, tmp_path):
    drift = drifting()
    first = fill(ledger, ages(answer, 100, 60))
    drift.report()
    (path,) = (tmp_path / "drift").iterdir()
    kept = json.loads(path.read_bytes())
    assert kept["period"]["n"] == 100
    assert all(sum(bins["counts"]) == 100 and len(bins["edges"]) <= 9 for bins in kept["columns"].values())
    for one in first:
        ledger.erase(one.id, "test")
    fill(ledger, ages(answer, 120, 60, seed=5))
    report = drifting().report()
    assert report.reason is None
    assert (report.reference.n, report.compared.n) == (100, 100)


def test_before_it_is_complete_a_reference_forgets_what_is_erased(drifting, ledger, answer):
    drift = drifting()
    first = fill(ledger, ages(answer, 99, 60))
    drift.report()
    ledger.erase(first[0].id, "test")
    fill(ledger, ages(answer, 1, 60))
    assert drift.report().reference.n == 99


def test_answers_of_other_models_count_for_themselves(drifting, ledger, answer, tmp_path):
    drift = drifting()
    fill(
        ledger,
        [x for pair in zip(ages(answer, 60, 60), ages(answer, 60, 90, digest="f" * 64), strict=True) for x in pair],
    )
    assert drift.report().reference.n == 60
    other = drifting(digest="f" * 64)
    assert other.report().reference.n == 0, "it begins when it first runs"
    assert len(list((tmp_path / "drift").iterdir())) == 2


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"after": "x"}', b'{"after": 0, "columns": {"fact:age": {"edges": [1], "counts": [1]}}}']
)
def test_a_file_that_is_no_reference_is_taken_anew(drifting, ledger, answer, tmp_path, content):
    drift = drifting()
    fill(ledger, ages(answer, 100, 60))
    drift.report()
    (path,) = (tmp_path / "drift").iterdir()
    path.write_bytes(content)
    report = drifting().report()
    assert (report.psi, report.window.n) == ((), report.reference.n)


def test_a_reference_of_another_size_is_taken_anew_from_where_it_began(drifting, ledger, answer):
    drift = drifting()
    fill(ledger, ages(answer, 150, 60))
    assert drift.report().reference.n == 100
    assert drifting(reference=150).report().reference.n == 150


# ---- beside what the contract states


def stated(report, what):
    return {one.of: one for one in report.stated if one.what == what}


def test_flags_and_probabilities_are_compared_with_what_the_contract_states(engine, drifting, ledger, answer):
    fill(ledger, [answer({"age": 63.0, "sex": "female"}, probability=0.99)] * 1)
    drift = drifting()
    fill(ledger, ages(answer, 120, 60, seed=4))
    report = drift.report()
    target, code = engine.contract.targets[0], engine.contract.native.target_codes[0]
    point = target.decision.points[0]
    flagged, mean = stated(report, "flagged")[code], stated(report, "mean probability")[code]
    prevalence, right, wrong = point.prevalence, point.sensitivity.value, 1 - point.specificity.value
    assert flagged.stated == pytest.approx(prevalence * right + (1 - prevalence) * wrong)
    assert (flagged.n, flagged.stated_n) == (100, point.positives + point.negatives)
    probabilities = [json.loads(row.content)["findings"][0]["probability"] for row in newest(ledger, 100)]
    assert flagged.here == pytest.approx(np.mean([p >= point.threshold for p in probabilities]))
    assert mean.stated == pytest.approx(prevalence)
    assert mean.here == pytest.approx(np.mean(probabilities))
    assert mean.low < prevalence < mean.high
    assert mean.here < mean.low, "a mean of 0.1 is not what chance makes of 0.25"


def newest(ledger, n):
    return list(ledger.survey.answers(ledger.survey.answered(0, n, newest=True)))


def test_experience_medians_and_ranges_are_compared(drifting, ledger, answer):
    drift = drifting()
    fill(ledger, [answer({"age": 70.0 + place % 3}, outside=place < 30) for place in range(100)])
    report = drift.report()
    (outside,) = [one for one in report.stated if one.what == "outside experience"]
    assert (outside.here, outside.stated) == (0.3, pytest.approx(0.01))
    assert outside.here > outside.high
    assert stated(report, "median")["age"].here == 71
    assert stated(report, "beyond range")["age"].here == 0
    assert stated(report, "median")["age"].low is None, "nobody states of how many patients the median is"
    assert "height_cm" not in stated(report, "median"), "it was never given"


def test_few_answers_are_not_compared(drifting, ledger, answer):
    drift = drifting()
    fill(ledger, ages(answer, 99, 60))
    figures = drift.report().stated
    assert figures
    assert all(one.here is None and one.reason == "99 answers, and a comparison needs 100" for one in figures)


def test_prometheus_has_it(engine, drifting, ledger, answer):
    drift = drifting()

    def counted():
        text = Metrics(engine.info, "answer", ledger, drift, Problems()).text().decode()
        families = text_string_to_metric_families(text)
        return {(s.name, *sorted(s.labels.values())): s.value for family in families for s in family.samples}

    assert not [name for name, *_ in counted() if name.startswith("ecg2lab_drift_psi")]
    fill(ledger, ages(answer, 250, 60))
    found, report = counted(), drift.report()
    age = by_name(report)["fact", "age"]
    assert found["ecg2lab_drift_psi", "age", "fact"] == age.psi
    assert found["ecg2lab_drift_psi_by_chance", "age", "fact"] == age.chance
    assert [found["ecg2lab_drift_n", which] for which in ("window", "compared", "reference")] == [100, 100, 100]
    assert found["ecg2lab_drift_stated", "age", "median"] == 63
