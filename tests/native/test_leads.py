"""Leads: mapping by name, derivation of limb leads, and the names of what is missing."""

from itertools import combinations

import numpy as np
import pytest
from bare_contract import contract_for

from ecg2lab._native import _core

LIMB = ("I", "II", "III", "aVR", "aVL", "aVF")
CHEST = ("V1", "V2", "V3", "V4", "V5", "V6")
MIMIC = ("I", "II", "III", "aVR", "aVF", "aVL", *CHEST)
ROUNDING = 1e-13
"""Millivolt: two products and a sum in float64 of values below 10."""


def limb_leads(seed=0, length=200):
    """Potentials of the three limbs, and the six leads by their definitions (Einthoven, Goldberger)."""
    right, left, foot = np.random.default_rng(seed).normal(size=(3, length))
    return {
        "I": left - right,
        "II": foot - right,
        "III": foot - left,
        "aVR": right - (left + foot) / 2,
        "aVL": left - (right + foot) / 2,
        "aVF": foot - (right + left) / 2,
    }


def rows(leads, names):
    return np.stack([leads[name] for name in names])


@pytest.mark.parametrize("known", list(combinations(LIMB, 2)), ids="+".join)
def test_any_two_limb_leads_give_the_other_four(known):
    leads = limb_leads()
    for order in (known, known[::-1]):
        samples = rows(leads, order)
        assert _core.missing_leads(order, LIMB) == []
        for wanted in LIMB:
            np.testing.assert_allclose(_core.lead(samples, order, wanted), leads[wanted], rtol=0, atol=ROUNDING)
        reports = _core.prepare(samples, order, 100.0, contract_for(LIMB, clip=100).native).leads
        assert [report.derived for report in reports] == [wanted not in known for wanted in LIMB]


def test_one_limb_lead_gives_no_other():
    recorded = ["II", *CHEST]
    assert _core.missing_leads(recorded, LIMB) == ["I", "III", "aVR", "aVL", "aVF"]


def test_chest_leads_are_never_derived():
    recorded = [*LIMB, "V1", "V3", "V4", "V6"]
    assert _core.missing_leads(recorded, [*LIMB, *CHEST]) == ["V2", "V5"]
    with pytest.raises(ValueError, match=r"missing lead: V2 \(the recording has"):
        _core.prepare(np.zeros((10, 100)), recorded, 100.0, contract_for(["I", "V2"]).native)
    with pytest.raises(ValueError, match="lead V5 is missing"):
        _core.lead(np.zeros((10, 100)), recorded, "V5")


def test_missing_leads_come_in_the_order_wanted():
    assert _core.missing_leads(["V2"], ["V6", "V2", "I", "V1"]) == ["V6", "I", "V1"]
    assert _core.missing_leads([], ["V1"]) == ["V1"]
    assert _core.missing_leads(["V1"], []) == []


def test_a_recorded_lead_is_taken_as_recorded_even_if_it_contradicts_the_others():
    leads = limb_leads() | {"III": np.full(200, 7.0)}
    samples = rows(leads, LIMB)
    np.testing.assert_array_equal(_core.lead(samples, LIMB, "III"), 7.0)


def test_mimic_order_is_read_by_name_not_by_position(network_leads):
    """MIMIC-IV-ECG lists aVF before aVL."""
    samples = np.repeat(np.arange(12.0)[:, None] / 10, 100, axis=1)  # row number tells the lead
    signal = _core.prepare(samples, MIMIC, 100.0, contract_for(network_leads).native).signal
    assert MIMIC.index("aVF") < MIMIC.index("aVL")
    for row, lead in zip(signal, network_leads, strict=True):
        np.testing.assert_array_equal(row, np.float32(MIMIC.index(lead) / 10))


def test_rows_that_nobody_wants_are_ignored():
    leads = limb_leads() | {"Vx": np.full(200, np.inf), "II": np.arange(200.0)}
    recorded = ("Vx", "II")
    signal = _core.prepare(rows(leads, recorded), recorded, 100.0, contract_for(["II"], clip=1000).native).signal
    np.testing.assert_array_equal(signal[0], np.arange(200, dtype=np.float32))


def test_derivation_does_not_depend_on_the_order_of_rows():
    """Three recorded limb leads over-determine the rest; noise makes them disagree, so the choice must be fixed."""
    leads = limb_leads()
    recorded = ["I", "II", "aVL"]
    leads["aVL"] = leads["aVL"] + 0.1
    expected = {wanted: _core.lead(rows(leads, recorded), recorded, wanted) for wanted in ("III", "aVR", "aVF")}
    for order in (["aVL", "II", "I"], ["II", "aVL", "I"], ["I", "aVL", "II"]):
        for wanted, values in expected.items():
            np.testing.assert_array_equal(_core.lead(rows(leads, order), order, wanted), values)


def test_derived_leads_prefer_i_and_ii_wherever_they_stand():
    """Their definitions are in I and II; a broken aVL that comes first must not spoil III."""
    leads = limb_leads() | {"aVL": np.full(200, np.nan)}
    recorded = ["aVL", "I", "II"]
    third = _core.lead(rows(leads, recorded), recorded, "III")
    np.testing.assert_allclose(third, leads["III"], rtol=0, atol=ROUNDING)


def test_deriving_passes_missing_samples_on():
    leads = limb_leads()
    leads["I"][10:20] = np.nan
    third = _core.lead(rows(leads, ["I", "II"]), ["I", "II"], "III")
    np.testing.assert_array_equal(np.isnan(third), np.isnan(leads["I"]))
