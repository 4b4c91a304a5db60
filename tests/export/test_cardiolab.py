"""Checkpoints in the authors' key names: round trip, other sizes, and refusals that name the key."""

import dataclasses
import re
import warnings

import numpy as np
import pytest
import safetensors.torch
import torch
from safetensors.numpy import load_file, save_file

from ecg2lab.errors import CheckpointError
from ecg2lab_export.network import cardiolab

SERIES = "ts_encoder.predictor.predictor."
KERNEL = f"{SERIES}s4_layers.0.kernel.kernel."
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


def test_a_network_saved_on_a_cpu_is_the_same_network(random_network, tmp_path):
    """There HiPPO's w, P and B are views that repeat one channel, as `einops.repeat` makes them."""
    network = random_network(9)
    tensors = {key: torch.from_numpy(x) for key, x in cardiolab.tensors_of(network).items()}
    for index in range(2):
        for name, rows in (("w", 0), ("P", 1), ("B", 1)):
            key = f"{SERIES}s4_layers.{index}.kernel.kernel.{name}"
            tensors[key] = tensors[key].select(rows, 0).unsqueeze(rows).expand_as(tensors[key])
            assert tensors[key].stride(rows) == 0
    torch.save({"state_dict": tensors}, tmp_path / "x.ckpt")
    dense = {key: x.contiguous().numpy() for key, x in tensors.items()}
    same(cardiolab.network_from(dense), cardiolab.read(tmp_path / "x.ckpt"))


@pytest.mark.parametrize("length", [3, 37, 251])
def test_an_odd_window_of_the_authors_is_refused(random_network, length, tmp_path):
    """Their inverse transform has no length: an odd window loses a tap and bends the others. Ours writes no z."""
    tensors = cardiolab.tensors_of(random_network(8, length=length))
    assert cardiolab.network_from(tensors).window == length
    kernel = cardiolab.network_from(tensors).kernels[0]
    theirs = np.fft.irfft(np.fft.rfft(kernel))
    assert theirs.shape[-1] == length - 1
    assert np.abs(theirs - kernel[..., :-1]).max() > 1e-3 * np.abs(kernel).max()
    z = {f"{SERIES}s4_layers.{i}.kernel.kernel.z": np.zeros((length // 2 + 1, 2), np.float32) for i in range(2)}
    torch.save({key: torch.from_numpy(x) for key, x in (tensors | z).items()}, tmp_path / "x.ckpt")
    with pytest.raises(CheckpointError, match=rf"its window of {length} samples is odd.*train with an even window"):
        cardiolab.read(tmp_path / "x.ckpt")


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


STATIC = "static_encoder."


@pytest.mark.parametrize(
    ("key", "change", "message"),
    [
        ("head.linear.bias", lambda x: x[:0], "head.linear.bias is empty: the network has no outputs"),
        (f"{STATIC}layers.0.running_var", lambda x: -x - 1, "static block 0 has a negative running variance"),
    ],
)
def test_what_no_training_leaves_behind_is_refused(random_network, key, change, message):
    tensors = cardiolab.tensors_of(random_network(9))
    (name,) = (name for name in tensors if name.endswith(key))
    with pytest.raises(CheckpointError, match=message):
        cardiolab.network_from(tensors | {name: change(tensors[name])})


def test_layers_without_d_have_no_skip(random_network):
    network = random_network(12)
    tensors = {key: x for key, x in cardiolab.tensors_of(network).items() if not key.endswith(".D")}
    zero = tuple(dataclasses.replace(layer, d=np.zeros(8)) for layer in network.layers)
    same(dataclasses.replace(network, layers=zero), cardiolab.network_from(tensors))


def test_one_layer_without_d_among_others_is_damage(random_network):
    tensors = cardiolab.tensors_of(random_network(12, layers=3))
    del tensors[f"{SERIES}s4_layers.1.D"]
    with pytest.raises(CheckpointError, match=r"missing key: .*s4_layers\.1\.D$"):
        cardiolab.network_from(tensors)


@pytest.mark.parametrize("prefix", ["model.", "module.", "_orig_mod.", "a.b.", "x"])
def test_a_prefix_of_all_keys_is_left_out(random_network, prefix):
    network = random_network(13)
    tensors = {prefix + key: x for key, x in cardiolab.tensors_of(network).items()}
    same(network, cardiolab.network_from(tensors))
    with pytest.raises(CheckpointError, match=f"unknown key: {prefix}more"):
        cardiolab.network_from(tensors | {f"{prefix}more": np.zeros(1, np.float32)})
    with pytest.raises(CheckpointError, match="unknown key: criterion.weight"):
        cardiolab.network_from(tensors | {"criterion.weight": np.zeros(1, np.float32)})
    del tensors[prefix + "head.linear.bias"]
    with pytest.raises(CheckpointError, match=f"missing key: {prefix}head.linear.bias"):
        cardiolab.network_from(tensors)


def test_two_networks_in_one_file_are_refused_by_their_prefixes(random_network):
    tensors = cardiolab.tensors_of(random_network(13))
    both = tensors | {"ema." + key: x for key, x in tensors.items()}
    with pytest.raises(CheckpointError, match="2 networks, their keys starting with '' and 'ema.'; keep one"):
        cardiolab.network_from(both)


@pytest.mark.parametrize("length", [2, 3, 4, 49, 50, 250, 251, 999, 1000])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16], ids=str)
def test_other_floating_types_are_read_exactly_and_tell_the_same_window(random_network, tmp_path, dtype, length):
    """A model saved in half precision is what its rounded numbers say; its window must not be off by one for it."""
    network = random_network(14, hidden=2, state=2, layers=1, length=length)
    tensors = {key: torch.from_numpy(x).to(dtype) for key, x in cardiolab.tensors_of(network).items()}
    torch.save(tensors, tmp_path / "x.ckpt")
    safetensors.torch.save_file(tensors, tmp_path / "x.safetensors")
    found = cardiolab.read(tmp_path / "x.ckpt")
    same(found, cardiolab.read(tmp_path / "x.safetensors"))
    assert found.window == length
    np.testing.assert_array_equal(found.head_weight, tensors["head.linear.weight"].double().numpy())
    np.testing.assert_array_equal(found.layers[0].system.w.imag, tensors[f"{KERNEL}w"].double().numpy()[..., 1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("length", [250, 1000])
def test_roots_of_another_window_or_cut_short_are_refused(random_network, dtype, length):
    tensors = cardiolab.tensors_of(random_network(15, layers=1, length=length))
    omega = torch.from_numpy(tensors[f"{KERNEL}omega"]).to(dtype).float().numpy()
    for wrong in (omega[:-1], omega[:-2], np.concatenate([omega, omega[-1:]]), omega * [1, -1]):
        with pytest.raises(CheckpointError, match="roots of unity"):
            cardiolab.network_from(tensors | {f"{KERNEL}omega": np.ascontiguousarray(wrong, np.float32)})


@pytest.mark.parametrize("key", ["head.linear.bias", f"{KERNEL}C", "static_encoder.layers.0.running_var"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_weight_that_is_not_finite_is_named(random_network, key, value):
    tensors = cardiolab.tensors_of(random_network(16))
    bad = tensors[key].copy()
    bad.flat[-1] = value
    with pytest.raises(CheckpointError, match=f"{re.escape(key)} holds values that are not finite"):
        cardiolab.network_from(tensors | {key: bad})


def test_tensors_that_are_not_dense_are_named_with_their_kind(random_network, tmp_path):
    """Quantised, sparse, without data: each would otherwise be a key that seems to be missing."""
    tensors = {key: torch.from_numpy(x) for key, x in cardiolab.tensors_of(random_network(17)).items()}
    key = "head.linear.weight"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of PyTorch: quantisation is deprecated there, sparse layouts are a beta
        others = {
            "_rebuild_qtensor": torch.quantize_per_tensor(tensors[key], 0.1, 0, torch.qint8),
            "_rebuild_sparse_tensor": tensors[key].to_sparse(),
            "_rebuild_meta_tensor_no_storage": tensors[key].to("meta"),
        }
        for kind, other in others.items():
            torch.save({"state_dict": tensors | {key: other}}, tmp_path / "x.ckpt")
            with pytest.raises(CheckpointError, match=rf"key {key} is no dense tensor \(torch\..*{kind}\)"):
                cardiolab.read(tmp_path / "x.ckpt")
    torch.save(tensors | {key: tensors[key].to(torch.complex64)}, tmp_path / "x.ckpt")
    with pytest.raises(CheckpointError, match=f"key {key} is of type complex64"):
        cardiolab.read(tmp_path / "x.ckpt")
    torch.save(tensors | {key: tensors[key].to(torch.float8_e4m3fn)}, tmp_path / "x.ckpt")
    with pytest.raises(CheckpointError, match=f"key {key} is no dense tensor"):
        cardiolab.read(tmp_path / "x.ckpt")
    safetensors.torch.save_file(tensors | {key: tensors[key].to(torch.float8_e4m3fn)}, tmp_path / "x.safetensors")
    with pytest.raises(CheckpointError, match=f"key {key} is of type F8_E4M3"):
        cardiolab.read(tmp_path / "x.safetensors")
    torch.save(tensors | {3: tensors[key]}, tmp_path / "x.ckpt")
    with pytest.raises(CheckpointError, match="key of type int"):
        cardiolab.read(tmp_path / "x.ckpt")


def test_a_tensor_of_an_odd_kind_outside_the_network_harms_nothing(random_network, tmp_path):
    network = random_network(18)
    tensors = {key: torch.from_numpy(x) for key, x in cardiolab.tensors_of(network).items()}
    odd = torch.zeros(3).to(torch.float8_e4m3fn)
    torch.save({"state_dict": tensors, "callbacks": {"x": odd}, "optimizer_states": [odd]}, tmp_path / "x.ckpt")
    same(network, cardiolab.read(tmp_path / "x.ckpt"))


def test_an_unstable_layer_is_refused_by_layer_channel_and_radius(random_network, tmp_path):
    """The discretised pole of s = +0.4 at dt = 0.1 is (1 + 0.02)/(1 - 0.02) = 1.0408."""
    tensors = cardiolab.tensors_of(random_network(19, hidden=3, layers=2))
    kernel = f"{SERIES}s4_layers.1.kernel.kernel."
    w, p = tensors[kernel + "w"].copy(), tensors[kernel + "P"].copy()
    w[2, 1], p[0, 2], tensors[kernel + "log_dt"][2] = (0.4, 0), 0, np.log(0.1)
    save_file(tensors | {kernel + "w": w, kernel + "P": p}, tmp_path / "x.safetensors")
    message = r"x\.safetensors: s4_layers\.1 is unstable: the spectral radius of channel 2 is 1\.0408"
    with pytest.raises(CheckpointError, match=message):
        cardiolab.read(tmp_path / "x.safetensors")


def test_a_pole_just_inside_the_circle_is_read(random_network):
    """1 - 1e-7, as float32 holds it."""
    tensors = cardiolab.tensors_of(random_network(20, hidden=3, layers=1))
    step = np.exp(tensors[f"{KERNEL}log_dt"][1])
    tensors[f"{KERNEL}P"][0, 1], tensors[f"{KERNEL}w"][1, 0] = 0, (-1e-7 / step, 0)
    assert np.isfinite(cardiolab.network_from(tensors).kernels[0]).all()


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
