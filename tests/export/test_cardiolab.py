"""Checkpoints in the authors' key names: round trip, other sizes, and refusals that name the key."""

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from ecg2lab.errors import CheckpointError
from ecg2lab_export import cardiolab

SERIES = "ts_encoder.predictor.predictor."
SIZES = [
    {},
    {"hidden": 1},
    {"state": 2},
    {"state": 64, "layers": 1},
    {"layers": 1},
    {"layers": 5, "hidden": 3},
    {"length": 2},
    {"length": 3},
    {"length": 37},
    {"length": 1000},
    {"length": 1001},
    {"length": 5000, "hidden": 2},
    {"targets": 1},
    {"targets": 204},
    {"directions": 1},
    {"leads": 1},
    {"numbers": 0},
    {"tables": ((2, 1), (5, 1), (3, 4))},
    {"widths": (7,)},
    {"widths": (128, 5, 1, 9)},
]


def arrays(network):
    """Every array of a network by a name, whatever its class."""
    out = {}

    def visit(name, value):
        if isinstance(value, np.ndarray):
            out[name] = value
        elif isinstance(value, tuple):
            names = getattr(value, "_fields", range(len(value)))
            for key, item in zip(names, value, strict=True):
                visit(f"{name}.{key}", item)
        elif hasattr(value, "__dataclass_fields__"):
            for key in value.__dataclass_fields__:
                visit(f"{name}.{key}", getattr(value, key))
        else:
            out[name] = np.asarray(value)

    visit("", network)
    return out


def same(network, other):
    ours, theirs = arrays(network), arrays(other)
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        np.testing.assert_array_equal(theirs[name], value, err_msg=name)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_a_round_trip_is_exact(random_network, sizes):
    """In float32, which the networks of the fixture hold exactly; the window too, which is no key of its own."""
    network = random_network(1, **sizes)
    tensors = cardiolab.tensors_of(network)
    assert {x.dtype for x in tensors.values()} == {np.dtype(np.float32)}
    same(network, cardiolab.network_from(tensors))


def test_files_of_both_formats_hold_the_same_network(random_network, tmp_path):
    network = random_network(2)
    cardiolab.write(network, tmp_path / "x.safetensors")
    tensors = {key: torch.from_numpy(x) for key, x in load_file(tmp_path / "x.safetensors").items()}
    torch.save({"state_dict": tensors, "epoch": 3}, tmp_path / "x.ckpt")
    torch.save(tensors, tmp_path / "bare.ckpt")
    for name in ("x.safetensors", "x.ckpt", "bare.ckpt"):
        same(network, cardiolab.read(tmp_path / name))


def test_a_parity_checkpoint_survives_the_round_trip(parity_case):
    network = cardiolab.read(parity_case.checkpoint)
    same(network, cardiolab.network_from(cardiolab.tensors_of(network)))


def test_the_reference_network_computes_the_authors_logits(parity_case):
    """Both in float64: 1e-12 for the order of sums. The authors' float32 run is 9e-7 away, at logits of 2."""
    io = parity_case.io
    network = cardiolab.read(parity_case.checkpoint)
    logits = network.logits(io["signal"], io["continuous"], io["categorical"])
    np.testing.assert_allclose(logits, io["logits"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(logits, io["logits_float32"], rtol=0, atol=5e-6)


def test_a_linear_kept_as_convolution_is_the_same_linear(random_network):
    network = random_network(3)
    tensors = cardiolab.tensors_of(network)
    for index in range(2):
        key = f"{SERIES}s4_layers.{index}.output_linear.0."
        tensors[key + "weight"] = tensors[key + "weight"][:, :, None]
        assert tensors[key + "weight"].shape == (16, 8, 1)
        tensors[key + "bias"] = tensors[key + "bias"].reshape(16)
    same(network, cardiolab.network_from(tensors))


def test_one_channel_as_convolution_is_the_same_linear(random_network):
    """H = 1: every axis but one has length 1."""
    network = random_network(4, hidden=1)
    tensors = cardiolab.tensors_of(network)
    key = f"{SERIES}s4_layers.0.output_linear.0.weight"
    tensors[key] = tensors[key][:, :, None]
    same(network, cardiolab.network_from(tensors))


def test_counters_and_z_are_ignored(random_network):
    network = random_network(5)
    extra = {
        f"{SERIES}s4_layers.0.kernel.kernel.z": np.zeros((126, 2), np.float32),
        "static_encoder.layers.0.num_batches_tracked": np.array(7),
    }
    same(network, cardiolab.network_from(cardiolab.tensors_of(network) | extra))


def test_every_missing_key_is_named(random_network):
    tensors = cardiolab.tensors_of(random_network(6, hidden=2, layers=2, length=10))
    for key in tensors:
        if key == "static_encoder.embeddings.1.weight":
            continue  # what is left is a network of one category and 42 numbers; the contract is held against it later
        with pytest.raises(CheckpointError, match="key") as error:
            cardiolab.network_from({k: x for k, x in tensors.items() if k != key})
        # the second embedding then stands where the first should: it is the one that has no place
        assert key.replace("embeddings.0", "embeddings.1") in str(error.value)


def test_many_missing_keys_are_counted(random_network):
    tensors = cardiolab.tensors_of(random_network(6))
    lacking = {k: x for k, x in tensors.items() if "kernel" not in k or ".0." in k}
    with pytest.raises(CheckpointError, match=r"missing keys: .* and 3 more"):
        cardiolab.network_from(lacking)


@pytest.mark.parametrize(
    "key",
    [
        "head.linear.extra",
        f"{SERIES}s4_layers.0.kernel.kernel.A",
        f"{SERIES}s4_layers.7.D",
        f"{SERIES}norms.2.weight",
        "static_encoder.layers.1.weight",
        "static_encoder.embeddings.5.weight",
        "other",
    ],
)
def test_an_unknown_key_is_named(random_network, key):
    tensors = cardiolab.tensors_of(random_network(7)) | {key: np.zeros(3, np.float32)}
    with pytest.raises(CheckpointError, match="unknown key") as error:
        cardiolab.network_from(tensors)
    assert key in str(error.value)


def test_every_wrong_shape_is_named(random_network):
    """One number too many on each axis of each tensor: never accepted, and the message says which tensor."""
    tensors = cardiolab.tensors_of(random_network(8, hidden=3, state=4, length=10, layers=2))
    for key, value in tensors.items():
        for axis in range(value.ndim):
            wider = np.concatenate([value, np.take(value, [-1], axis=axis)], axis=axis)
            if key.endswith("encoder.weight") and axis == 1 and "predictor" in key:
                continue  # another number of leads is another network
            if "embeddings" in key:
                continue  # more categories, or a wider table and fewer numbers: the contract is held against it later
            with pytest.raises(CheckpointError):
                cardiolab.network_from(tensors | {key: wider})


@pytest.mark.parametrize(
    "key", ["s4_layers.1.kernel.kernel.w", "s4_layers.1.D", "norms.1.bias", "s4_layers.0.kernel.kernel.C"]
)
def test_a_wrong_width_names_the_tensor(random_network, key):
    tensors = cardiolab.tensors_of(random_network(8))
    narrow = tensors[SERIES + key]
    narrow = narrow[:, :-1] if narrow.shape[0] in (1, 2) else narrow[:-1]
    with pytest.raises(CheckpointError, match="has shape") as error:
        cardiolab.network_from(tensors | {SERIES + key: np.ascontiguousarray(narrow)})
    for word in key.replace("kernel.kernel.", "").split("."):
        assert word in str(error.value)


def test_other_ranks_types_and_values_are_refused_by_key(random_network):
    tensors = cardiolab.tensors_of(random_network(9))
    for key in (f"{SERIES}s4_layers.0.kernel.kernel.P", f"{SERIES}encoder.bias", "head.linear.weight"):
        good = tensors[key]
        bad = good.copy()
        bad.flat[0] = np.nan
        for other in (good[..., None, None, None].repeat(2, axis=-1), good.astype(np.int64), bad, np.float32(1)):
            with pytest.raises(CheckpointError) as error:
                cardiolab.network_from(tensors | {key: other})
            assert key in str(error.value)


def test_three_directions_are_refused(random_network):
    tensors = cardiolab.tensors_of(random_network(10))
    key = f"{SERIES}s4_layers.0.kernel.kernel.C"
    with pytest.raises(CheckpointError, match="3 directions"):
        cardiolab.network_from(tensors | {key: np.concatenate([tensors[key], tensors[key][:1]])})


def test_an_omega_that_is_no_root_of_unity_is_refused(random_network):
    tensors = cardiolab.tensors_of(random_network(11))
    key = f"{SERIES}s4_layers.0.kernel.kernel.omega"
    for omega in (np.ones((126, 2)), np.zeros((126, 2)), tensors[key][:100], tensors[key][:1]):
        every = {key.replace("layers.0", f"layers.{index}"): omega.astype(np.float32) for index in range(2)}
        with pytest.raises(CheckpointError, match="roots of unity"):
            cardiolab.network_from(tensors | every)


def test_what_is_no_network_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="not an S4 fusion network"):
        cardiolab.network_from({"weight": np.zeros(3, np.float32)})
    torch.save([1, 2], tmp_path / "list.ckpt")
    torch.save({"state_dict": 3}, tmp_path / "number.ckpt")
    for name in ("list.ckpt", "number.ckpt"):
        with pytest.raises(CheckpointError, match="no state_dict"):
            cardiolab.read(tmp_path / name)
    (tmp_path / "x.safetensors").write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00{}      ")
    save_file({"a": np.zeros(2, np.float32)}, tmp_path / "y.safetensors")
    for name, message in (("x", "not an S4"), ("y", "not an S4"), ("absent", "no checkpoint at")):
        with pytest.raises(CheckpointError, match=message):
            cardiolab.read(tmp_path / f"{name}.safetensors")
    (tmp_path / "z.safetensors").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="not a safetensors file"):
        cardiolab.read(tmp_path / "z.safetensors")
