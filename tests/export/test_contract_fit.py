"""Contract and network: which fit, what an import without a contract is given, and hints in refusals."""

import msgspec
import pytest

from ecg2lab import contract as contracts
from ecg2lab.contract import NUMBERS, Signal
from ecg2lab.errors import ContractError
from ecg2lab_export import export
from ecg2lab_export.architecture import contract_fit
from ecg2lab_export.network import cardiolab

FLAGS = ((2, 1),) * len(NUMBERS)
TABLES = ((2, 1), (5, 1))
LAYOUTS = {
    "none": {"tables": TABLES, "numbers": 10},
    "continuous": {"tables": TABLES, "numbers": 20},
    "categorical": {"tables": TABLES + FLAGS, "numbers": 10},
}
SMALL = {"hidden": 2, "state": 2, "layers": 1, "length": 50, "targets": 3, "widths": (2,)}


@pytest.fixture(params=LAYOUTS)
def layout(request):
    return request.param


@pytest.fixture
def network(random_network, layout):
    return random_network(0, **SMALL, **LAYOUTS[layout])


def test_the_default_contract_fits_and_knows_nothing_that_was_not_said(network, layout):
    contract = contract_fit.default_contract(network)
    contract_fit.check_fit(network, contract)
    assert contract.missing_flags == layout
    assert contract.target_names == ("target_000", "target_001", "target_002")
    assert {f.median for f in contract.continuous} == {None}
    assert {f.missing_code for f in contract.categorical} == {None}
    assert {t.decision_threshold for t in contract.targets} == {None}
    assert contract.feature_names == (*NUMBERS, "sex", "race")


def test_what_is_no_contract_is_refused(parity_case, tmp_path):
    with pytest.raises(ContractError, match="a Contract or the path of one, not int"):
        export(parity_case.checkpoint, tmp_path / "x.ecg2lab", contract=5)


@pytest.mark.parametrize("stated", LAYOUTS)
def test_another_layout_of_the_flags_is_refused_with_the_line_that_helps(network, layout, stated):
    contract = msgspec.structs.replace(contract_fit.default_contract(network), missing_flags=stated)
    if stated == layout:
        contract_fit.check_fit(network, contract)
    else:
        with pytest.raises(ContractError, match=f'features, the contract .*"missing_flags": "{layout}"'):
            contract_fit.check_fit(network, contract)


def test_a_network_of_other_inputs_gets_no_hint(random_network):
    network = random_network(0, **SMALL, tables=TABLES, numbers=11)
    with pytest.raises(ContractError, match="11 continuous features, the contract 10; give a contract that fits$"):
        contract_fit.check_fit(network, contract_fit.default_contract(network))


def test_a_flag_with_three_codes_is_no_flag(random_network):
    tables = (*TABLES, *FLAGS[:-1], (3, 1))
    network = random_network(0, **SMALL, tables=tables, numbers=10)
    contract = msgspec.structs.replace(contract_fit.default_contract(network), missing_flags="categorical")
    with pytest.raises(ContractError, match="3 categories of weight_kg_missing, the contract 2"):
        contract_fit.check_fit(network, contract)


@pytest.mark.parametrize(
    ("rate", "window", "fits"),
    [(100, 50, True), (100, 49, False), (100, 2, False), (500, 50, True), (500, 49, False), (33.3, 49, False)],
)
def test_a_window_shorter_than_the_resamplers_look_ahead_is_refused(rate, window, fits):
    """The filter has 50 zero crossings at the network's rate."""
    signal = Signal(leads=("I",), sampling_rate_hz=rate, window_samples=window)
    if fits:
        contract_fit.require_window(signal)
        return
    message = rf"window of {window} samples \({window / rate:g} s\) is shorter than the {50 / rate:g} s .* 50 samples"
    with pytest.raises(ContractError, match=message):
        contract_fit.require_window(signal)


def test_export_refuses_a_short_window_and_writes_nothing(random_network, tmp_path):
    cardiolab.write(random_network(1, **SMALL | {"length": 49}, **LAYOUTS["none"]), tmp_path / "x.safetensors")
    with pytest.raises(ContractError, match=r"0\.49 s.*0\.5 s"):
        export(tmp_path / "x.safetensors", tmp_path / "x.ecg2lab")
    assert not (tmp_path / "x.ecg2lab").exists()


def test_a_bundle_with_a_short_window_is_still_read():
    """What an older version wrote keeps answering: the window is asked about at export only."""
    contract = contracts.published(contracts.unnamed_targets(1))
    short = msgspec.structs.replace(contract, signal=msgspec.structs.replace(contract.signal, window_samples=20))
    assert contracts.decode(contracts.encode(short)) == short
