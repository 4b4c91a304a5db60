"""Bundles made to deceive: each test is named after the attack."""

import json

import msgspec
import numpy as np
import onnx
import pytest
from safetensors.numpy import load, save

import ecg2lab
from ecg2lab import bundle as bundles
from ecg2lab.bundle import Bundle


@pytest.fixture(scope="module")
def contents(bundle):
    opened = Bundle.open(bundle)
    return {name: opened.member(name) for name in opened.native.names}


@pytest.fixture(scope="module")
def causal_contents(causal_bundle):
    opened = Bundle.open(causal_bundle)
    return {name: opened.member(name) for name in opened.native.names}


def forged(contents, change_manifest=lambda manifest: manifest, **members):
    """A bundle whose digests are right, however wrong the rest is."""
    contents = {**contents, **{name.replace("_", "."): content for name, content in members.items()}}
    manifest = json.loads(contents[bundles.MANIFEST])
    for name in contents.keys() - {bundles.MANIFEST}:
        manifest["members"][name] = msgspec.to_builtins(bundles.Digest.of(contents[name]))
    encoded = change_manifest(json.dumps(manifest, ensure_ascii=False)).encode("utf-8", "surrogateescape")
    return bundles.pack({**contents, bundles.MANIFEST: encoded})


def graph_with(contents, change):
    model = onnx.load_from_string(contents[bundles.WINDOW_GRAPH])
    change(model)
    return model.SerializeToString()


def refused(content, message, backend="auto"):
    with pytest.raises(ecg2lab.BundleError, match=message):
        ecg2lab.load(Bundle.from_bytes(content, "forged"), backend)


def test_a_forgery_that_changes_nothing_loads(contents):
    with ecg2lab.load(Bundle.from_bytes(forged(contents))) as engine:
        assert engine.contract.targets


def test_weights_in_a_file_beside_the_caller(contents, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def point_outside(model):
        tensor = next(t for t in model.graph.initializer if t.data_type == onnx.TensorProto.FLOAT)
        (tmp_path / "outside.bin").write_bytes(tensor.raw_data)
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", "outside.bin"

    refused(forged(contents, window_onnx=graph_with(contents, point_outside)), "outside the bundle")


@pytest.mark.parametrize("place", ["attribute", "attribute graph", "function", "sparse"])
def test_weights_outside_have_no_place_to_hide_in(contents, place):
    tensor = onnx.TensorProto(data_type=1, data_location=onnx.TensorProto.EXTERNAL)

    def hide(model):
        if place == "attribute":
            model.graph.node[0].attribute.add(name="value", type=4).t.CopyFrom(tensor)
        elif place == "attribute graph":
            model.graph.node[0].attribute.add(name="body", type=5).g.initializer.append(tensor)
        elif place == "function":
            model.functions.add().node.add().attribute.add().tensors.append(tensor)
        else:
            model.graph.sparse_initializer.add().values.CopyFrom(tensor)

    refused(forged(contents, window_onnx=graph_with(contents, hide)), "holds what no graph of a bundle may: field")


def test_a_graph_that_is_no_message(contents):
    for content in (b"\xff" * 64, contents[bundles.WINDOW_GRAPH][:-5], b""):
        refused(forged(contents, window_onnx=content), "no ONNX graph")


def insert(model, operator, *inputs, attributes=None, constants=None, shape=None):
    """Put a node before all others that nothing needs, as a runtime would still run or plan it."""
    for name, value in (constants or {}).items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(value), name))
    node = onnx.helper.make_node(operator, list(inputs), [f"bomb{len(model.graph.node)}"], **(attributes or {}))
    model.graph.node.insert(0, node)
    return node.output[0]


def endless_loop(model):
    body = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["go"], ["still"])],
        "body",
        [
            onnx.helper.make_tensor_value_info("i", onnx.TensorProto.INT64, []),
            onnx.helper.make_tensor_value_info("go", onnx.TensorProto.BOOL, []),
        ],
        [onnx.helper.make_tensor_value_info("still", onnx.TensorProto.BOOL, [])],
    )
    insert(model, "Loop", "rounds", "", attributes={"body": body}, constants={"rounds": np.int64(10**18)})


def choice(model):
    empty = onnx.helper.make_graph([], "branch", [], [])
    insert(model, "If", "c", attributes={"then_branch": empty, "else_branch": empty}, constants={"c": np.int64(1)})


def deep_nest(model):
    graph = onnx.helper.make_graph([], "innermost", [], [])
    for _ in range(25):
        graph = onnx.helper.make_graph([onnx.helper.make_node("If", ["c"], ["y"], then_branch=graph)], "nest", [], [])
    model.graph.node[0].attribute.add(name="body", type=5).g.CopyFrom(graph)


def outer_product(model):
    column, row = np.ones((12_000, 1), np.float32), np.ones((1, 12_000), np.float32)
    insert(model, "MatMul", "column", "row", constants={"column": column, "row": row})


def square_of_windows(model):
    """Windows are multiplied with each other: what a batch of 64 needs is 64 times 64."""
    turned = onnx.helper.make_node("Transpose", ["continuous"], ["turned"], perm=[1, 0])
    model.graph.node.insert(0, onnx.helper.make_node("MatMul", ["continuous", "turned"], ["squared"]))
    model.graph.node.insert(0, turned)


def many_products(model):
    """No tensor is too large, and together they take a day."""
    square = np.ones((1, 5000), np.float32)
    model.graph.initializer.append(onnx.numpy_helper.from_array(square, "row"))
    model.graph.initializer.append(onnx.numpy_helper.from_array(square.T.copy(), "column"))
    nodes = [onnx.helper.make_node("MatMul", ["column", "row"], ["m0"])]
    nodes += [onnx.helper.make_node("MatMul", [f"m{i}", f"m{i}"], [f"m{i + 1}"]) for i in range(100)]
    for node in reversed(nodes):
        model.graph.node.insert(0, node)


def filled(model):
    insert(model, "ConstantOfShape", "n", constants={"n": np.array([10**9], np.int64)})


def expanded(model):
    insert(model, "Expand", "one", "n", constants={"one": np.float32([1]), "n": np.array([12_000, 12_000])})


def padded(model):
    pads = np.array([0, 0, 10**8, 0], np.int64)
    insert(model, "Pad", "continuous", "pads", constants={"pads": pads})


def padded_backwards(model):
    insert(model, "Pad", "continuous", "pads", constants={"pads": np.array([0, -1, 0, 0], np.int64)})


def emptied(model):
    bounds = {"begin": np.array([3], np.int64), "end": np.array([3], np.int64), "axis": np.array([1], np.int64)}
    insert(model, "Slice", "continuous", *bounds, constants=bounds)


def sized_by_the_signal(model):
    insert(model, "Reshape", "continuous", "categorical")


def negative_input(model):
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = -12


def empty_constant(model):
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros((0, 4), np.float32), "none"))


def constant_of_fewer_numbers(model):
    model.graph.initializer[0].dims[0] += 1


def unheard_of_attribute(model):
    model.graph.node[0].attribute.add(name="unheard_of", type=2, i=1)


def attribute_of_text(model):
    model.graph.node[0].attribute.add(name="perm", type=3, s=b"x")


def foreign_domain(model):
    model.graph.node[0].domain = "com.microsoft"


def foreign_operators(model):
    model.opset_import.add(domain="com.microsoft", version=1)


def function(model):
    model.functions.add(name="f", domain="", node=[onnx.helper.make_node("Loop", [], ["y"])])


def training(model):
    model.training_info.add()


def used_before(model):
    model.graph.node.insert(0, onnx.helper.make_node("Relu", [model.graph.node[-1].output[0]], ["early"]))


def looked_up_beyond_the_end(model):
    table, place = np.zeros((2, 3), np.float32), np.array([7], np.int64)
    insert(model, "Gather", "table", "place", constants={"table": table, "place": place})


def column_that_is_not_there(model):
    insert(model, "Gather", "categorical", "place", attributes={"axis": 1}, constants={"place": np.int64(9)})


def many_nodes(model):
    for i in range(5000):
        model.graph.node.add(op_type="Relu", input=["signal"], output=[f"more{i}"])


GRAPHS = {
    endless_loop: "the operator Loop, which no graph of a bundle may have",
    choice: "the operator If, which no graph of a bundle may have",
    deep_nest: "field 6 of AttributeProto",
    outer_product: "the operator MatMul that computes more than any window needs",
    square_of_windows: "the operator MatMul that takes windows together",
    many_products: "the operator MatMul that .* more than any window needs",
    filled: "the operator ConstantOfShape, which no graph of a bundle may have",
    expanded: "the operator Expand, which no graph of a bundle may have",
    padded: "the operator Pad with inputs that do not fit it|computes more than any window needs",
    padded_backwards: "the operator Pad with inputs that do not fit it",
    emptied: "the operator Slice that computes an empty tensor",
    sized_by_the_signal: "the operator Reshape whose sizes cannot be known before it runs",
    negative_input: "an input or output of negative size",
    empty_constant: "the empty constant 'none'",
    constant_of_fewer_numbers: "whose numbers are not those of its shape",
    unheard_of_attribute: "the attribute 'unheard_of'",
    attribute_of_text: "field 4 of AttributeProto",
    foreign_domain: r"the operator com\.microsoft\.",
    foreign_operators: "operators of the domain 'com.microsoft'",
    function: "field 25 of ModelProto",
    training: "field 20 of ModelProto",
    used_before: "before it is defined",
    looked_up_beyond_the_end: "the operator Gather that looks up something else than a code in a table",
    column_that_is_not_there: "the operator Gather that takes no single column of the codes",
    many_nodes: "more than 4096 operators",
}


@pytest.mark.parametrize("attack", GRAPHS, ids=lambda attack: attack.__name__)
def test_a_graph_off_the_list_is_refused_before_a_session_is_made(contents, attack, monkeypatch):
    def no_session(*_):
        raise AssertionError("a session was made")

    monkeypatch.setattr("ecg2lab.backends.onnxruntime.make_session", no_session)
    attacked = forged(contents, window_onnx=graph_with(contents, attack))
    refused(attacked, rf"^forged: window\.onnx .*({GRAPHS[attack]})", "onnxruntime")


def test_a_step_graph_is_held_to_the_list_too(causal_contents):
    for attack in (endless_loop, outer_product, emptied):
        model = onnx.load_from_string(causal_contents[bundles.STEP_GRAPH])
        attack(model)
        refused(forged(causal_contents, step_onnx=model.SerializeToString()), rf"step\.onnx .*({GRAPHS[attack]})")


def with_network(**sizes):
    def change(text):
        manifest = json.loads(text)
        manifest["network"] |= sizes
        return json.dumps(manifest)

    return change


def with_fields(**fields):
    return lambda text: json.dumps(json.loads(text) | fields)


@pytest.mark.parametrize("backend", ["native", "onnxruntime"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (with_fields(form="recurrent"), r"parity\.json is no proof of this bundle; export it again"),
        (with_fields(precision="int8"), r"says precision int8, its window\.onnx fp32; export it again"),
        (with_fields(opset=18), r"says opset 18, its window\.onnx 17; export it again"),
        (with_network(hidden=65), r"says hidden 65, its weights\.safetensors \d+; export it again"),
        (with_network(layers=3), r"says layers 3, its weights\.safetensors \d+; export it again"),
        (with_network(state_size=2), r"says state_size 2, its weights\.safetensors \d+; export it again"),
        (with_network(causal=True), r"says causal true, its weights\.safetensors false; export it again"),
        (with_fields(step={"most_samples": 31, "state_size": 4}), "speaks of a step graph, which is missing"),
        (with_network(width=1), "an unknown field: `width`"),
    ],
)
def test_a_manifest_that_differs_from_what_was_proved(contents, backend, change, message):
    refused(forged(contents, change), message, backend)


def test_a_step_that_differs_from_its_graph(causal_contents):
    step = json.loads(causal_contents[bundles.MANIFEST])["step"]
    for wrong in (step | {"state_size": step["state_size"] + 1}, step | {"most_samples": step["most_samples"] + 1}):
        with pytest.raises(ecg2lab.BundleError, match=r"step graph does not fit its manifest|step\.onnx"):
            Bundle.from_bytes(forged(causal_contents, with_fields(step=wrong)))
    with pytest.raises(ecg2lab.BundleError, match="does not speak of its step graph"):
        Bundle.from_bytes(forged(causal_contents, with_fields(step=None)))


def test_weights_may_be_missing_in_another_architecture_alone(contents):
    without = {name: content for name, content in contents.items() if name != bundles.WEIGHTS}

    def drop(**fields):
        def change(text):
            manifest = json.loads(text) | fields
            del manifest["members"][bundles.WEIGHTS]
            return json.dumps(manifest)

        return change

    with pytest.raises(ecg2lab.BundleError, match=r"lacks weights\.safetensors"):
        Bundle.from_bytes(forged(without, drop()), "forged")
    opened = Bundle.from_bytes(forged(without, drop(architecture="convolution")), "forged")
    assert opened.manifest.architecture == "convolution"


def test_a_graph_of_other_sizes_than_its_contract(contents):
    def fewer_targets(text):
        manifest = json.loads(text)
        manifest["contract"]["targets"].pop()
        return json.dumps(manifest)

    def shorter_window(text):
        return text.replace('"window_samples": 250', '"window_samples": 125')

    refused(forged(contents, fewer_targets), "does not fit its contract at 'logits'", "onnxruntime")
    refused(forged(contents, fewer_targets), "does not fit its contract at 'logits'", "native")
    refused(forged(contents, shorter_window), "does not fit its contract at 'signal'", "onnxruntime")
    refused(forged(contents, shorter_window), "does not fit its contract at 'signal'", "native")
    refused(
        forged(contents, lambda t: t.replace('"window_samples": 250', '"window_samples": 1' + "0" * 15)), "manifest"
    )


def test_a_manifest_that_says_two_things(contents):
    repeated = '"synthetic_weights": true, "synthetic_weights": false'
    refused(
        forged(contents, lambda t: t.replace('"synthetic_weights": true', repeated)),
        "'synthetic_weights' appears twice",
    )


@pytest.mark.parametrize(
    "change", [lambda t: "[" * 100_000, lambda t: t.replace("mV", "\udcff"), lambda t: "", lambda t: "null"]
)
def test_a_manifest_that_is_no_json(contents, change):
    refused(forged(contents, change), "invalid manifest")


def test_a_bundle_without_end(tmp_path):
    huge = tmp_path / "huge.ecg2lab"
    with huge.open("wb") as file:
        file.truncate(2**32)  # sparse: occupies nothing
    for path, message in ((huge, "larger than any bundle"), ("/dev/zero", "no regular file")):
        with pytest.raises(ecg2lab.BundleError, match=message):
            ecg2lab.load(path)


def test_logits_that_are_not_finite_are_no_answer(contents, recording):
    def spoil(model):
        head = [t for t in model.graph.initializer if t.data_type == onnx.TensorProto.FLOAT and tuple(t.dims) == (10,)]
        head[-1].CopyFrom(onnx.numpy_helper.from_array(np.full(10, np.nan, np.float32), head[-1].name))

    with (
        ecg2lab.load(
            Bundle.from_bytes(forged(contents, window_onnx=graph_with(contents, spoil))), "onnxruntime"
        ) as engine,
        pytest.raises(ecg2lab.BackendError, match="not finite"),
    ):
        engine.predict(recording)


@pytest.mark.parametrize("backend", ["native", "onnxruntime", "torch", "tensorrt", "webgpu"])
def test_categories_that_the_network_does_not_know_are_refused_alike(contents, backend):
    def more(manifest):
        stated = json.loads(manifest)
        stated["contract"]["categorical"][0]["categories"] += [f"more {i}" for i in range(100_000)]
        return json.dumps(stated)

    refused(forged(contents, more), "window.onnx has the operator Gather with a table of 2 rows for 100002", backend)


def test_weights_of_other_categories_than_the_graph_are_refused_by_every_backend(contents):
    tensors = load(contents[bundles.WEIGHTS])
    tensors["embeddings.0"] = np.zeros((3, tensors["embeddings.0"].shape[1]), np.float32)
    attacked = forged(contents, weights_safetensors=save(tensors))
    refused(attacked, "its contract says 2 codes of category 1, its weights.safetensors 3", "onnxruntime")
