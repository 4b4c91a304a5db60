"""What can be said of WebGPU where there is none: which adapter is taken, and what is refused before one is asked."""

import sys
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

import ecg2lab
from ecg2lab.backends import Request, onnxruntime, webgpu
from ecg2lab.backends.webgpu import device, package
from ecg2lab.backends.webgpu.adapter import Adapter, choose, of_runtime, preferred
from ecg2lab.errors import BackendError, MissingExtraError


def adapter(index, name, kind, **facts):
    known = {"api": "Direct3D 12", "driver": "1.0", "f16": None, "memory_bytes": None, "vendor": 1, "device": index}
    return Adapter(index=index, name=name, kind=kind, **known | facts)


ARC, RTX, WARP = adapter(0, "Arc", "integrated"), adapter(1, "RTX", "discrete"), adapter(2, "Basic", "software")


def hardware(**metadata):
    return SimpleNamespace(vendor="Intel", vendor_id=0x8086, device_id=7, metadata=metadata)


def test_windows_adapters_in_the_order_of_their_performance():
    shown = of_runtime(
        [
            hardware(Description="Remote", DxgiHighPerformanceIndex="2", DxgiVideoMemory="0 MB"),
            hardware(Description="Arc", Discrete="0", DxgiHighPerformanceIndex="1", DxgiVideoMemory="128 MB"),
            hardware(Description="RTX", Discrete="1", DxgiHighPerformanceIndex="0", DxgiVideoMemory="8000 MB"),
        ],
        "Direct3D 12",
    )
    assert [(a.index, a.name, a.kind) for a in shown] == [
        (0, "RTX", "discrete"),
        (1, "Arc", "integrated"),
        (2, "Remote", "unknown"),
    ]
    assert [a.memory_bytes for a in shown] == [8000 << 20, None, None]  # the Arc shares the machine's memory


def test_a_mac_says_little_of_its_gpu():
    (only,) = of_runtime([hardware()], "Metal")
    assert (only.name, only.kind, only.memory_bytes) == ("Intel GPU", "unknown", None)


@pytest.mark.parametrize(("wanted", "taken"), [(None, RTX), (0, ARC), ("0", ARC), ("rt", RTX), ("ARC", ARC)])
def test_the_choice_of_an_adapter(wanted, taken):
    shown = [ARC, RTX, WARP]
    assert choose(shown, wanted, preferred(shown)) is taken


@pytest.mark.parametrize("wanted", [3, -1, "9", "Radeon", ""])
def test_a_choice_that_is_none_lists_what_there_is(wanted):
    with pytest.raises(BackendError, match="there are 0: Arc .*; 1: RTX .*; 2: Basic"):
        choose([ARC, RTX, WARP], wanted, RTX)


def opened(chosen, shown, monkeypatch):
    """The options with which a session would be opened."""
    monkeypatch.setattr(device.Device, "_in_use", None)
    session = Mock(get_providers=lambda: [package.PROVIDER], get_provider_graph_assignment_info=list)
    asked = Mock(open_session=Mock(return_value=session))
    device.Device(asked, chosen, lambda: shown).open_session(b"")
    return asked.open_session.call_args.kwargs["options"]


def test_where_the_runtime_chooses_it_is_told_what_it_can_be_told(monkeypatch):
    assert opened(RTX, [ARC, RTX], monkeypatch) == {}
    assert opened(ARC, [ARC, RTX], monkeypatch) == {"powerPreference": "low-power"}
    assert opened(ARC, [ARC], monkeypatch) == {}
    with pytest.raises(BackendError, match="takes 'RTX' here and cannot be told to take 'Basic'"):
        opened(WARP, [ARC, RTX, WARP], monkeypatch)


def test_a_card_that_was_unplugged_is_not_replaced_by_another(monkeypatch):
    with pytest.raises(BackendError, match="'RTX' is not there any more"):
        opened(RTX, [ARC], monkeypatch)


def test_two_cards_of_a_kind_are_told_apart():
    one, two = (adapter(index, "RTX", "discrete", device=7, uuid=f"{index}") for index in range(2))
    assert not one.is_same(two)
    assert one.is_same(adapter(5, "RTX", "discrete", device=7, uuid="0"))


def test_a_runtime_that_silently_took_the_cpu_is_refused(monkeypatch):
    monkeypatch.setattr(device.Device, "_in_use", None)
    session = Mock(get_providers=lambda: ["CPUExecutionProvider"])
    with pytest.raises(BackendError, match="could not start WebGpuExecutionProvider on RTX"):
        device.Device(Mock(open_session=lambda *_, **__: session), RTX, lambda: [RTX]).open_session(b"")


@pytest.mark.parametrize(
    ("precision", "f16", "words"),
    [
        ("fp16", False, r"no 16-bit floating point \(f16\)"),
        ("int8", True, "not in int8"),
        ("bf16", True, "not in bf16"),
    ],
)
def test_a_precision_that_an_adapter_has_not(precision, f16, words):
    with pytest.raises(BackendError, match=words):
        webgpu.require_precision(adapter(0, "A", "discrete", f16=f16), precision)
    webgpu.require_precision(adapter(0, "A", "discrete", f16=None), "fp16")  # the runtime will say


def runtime(version, providers):
    return SimpleNamespace(__version__=version, get_available_providers=lambda: providers)


def test_an_onnx_runtime_that_is_too_old(monkeypatch):
    monkeypatch.setattr(package, "import_runtime", lambda extra: runtime("1.22.1", [package.PROVIDER]))
    with pytest.raises(BackendError, match=r"1\.22\.1 is too old for WebGPU, which needs 1\.24\.4"):
        package.Package()


def test_no_onnx_runtime(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'ecg2lab\[webgpu\]'"):
        package.Package()


def test_two_packages_of_onnx_runtime_are_refused_for_the_cpu_too(monkeypatch, bundle):
    installed = {"onnxruntime": "1.30", "onnxruntime-webgpu": "1.27"}
    monkeypatch.setattr(onnxruntime, "installed_version", installed.get)
    with pytest.raises(BackendError, match="pip uninstall onnxruntime onnxruntime-webgpu"):
        ecg2lab.load(bundle, backend="onnxruntime")


def test_elsewhere_than_on_linux_the_runtime_is_asked(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    listed = [hardware(Description="Arc", DxgiHighPerformanceIndex="0")]
    monkeypatch.setattr(webgpu, "Package", lambda: Mock(hardware=lambda: listed))
    assert [str(a) for a in webgpu.adapters()] == ["0: Arc (unknown, Direct3D 12, driver unknown)"]
    chosen = webgpu.open_device(Request())
    assert chosen.adapter.name == "Arc"
