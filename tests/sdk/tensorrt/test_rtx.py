"""TensorRT for RTX, pretended: ahead of time, on this GPU, and kernels that are finished where the engine runs."""

import pytest

import ecg2lab
from ecg2lab.backends.tensorrt.build import Options, build_engine
from ecg2lab.bundle import WINDOW_GRAPH
from ecg2lab.errors import BackendError


def build(opened, compute_capability=None):
    return build_engine(opened, lambda: opened.member(WINDOW_GRAPH), Options("fp32", compute_capability)).engine


def target(config):
    """What a build was for."""
    assert config.num_compute_capabilities == 1
    config.set_timing_cache.assert_not_called()  # deprecated in this package
    capability, index = config.set_compute_capability.call_args.args
    assert index == 0
    return capability


def test_on_this_gpu_its_own_capability_is_the_target(tensorrt_rtx, opened):
    record = build(opened).record
    ((_, config),) = tensorrt_rtx.built
    assert target(config) == tensorrt_rtx.ComputeCapability.CURRENT
    assert (record.key.gpu, record.key.package) == ("Fake RTX", "tensorrt_rtx")
    with ecg2lab.load(opened, backend="tensorrt") as loaded:
        assert loaded.info.provider == "tensorrt_rtx"


def test_ahead_of_time_needs_no_gpu_and_serves_every_gpu_of_its_kind(tensorrt_rtx, driver, opened):
    driver.gpus = 0
    record = build(opened, "8.6").record
    assert (record.key.gpu, record.golden_error, record.summary.layers) == (None, None, 1)
    assert target(tensorrt_rtx.built[0][1]) == tensorrt_rtx.ComputeCapability.SM86
    driver.gpus = 1
    ecg2lab.load(opened, backend="tensorrt").close()
    driver.capability = (12, 0)
    with pytest.raises(BackendError, match=r"built for compute capability 8\.6, here is 12\.0"):
        ecg2lab.load(opened, backend="tensorrt")


@pytest.mark.parametrize("wrong", ["8.9", "9.0"])
def test_the_list_of_the_installed_package_decides(tensorrt_rtx, opened, wrong):
    with pytest.raises(BackendError, match=rf"for 8\.6, 12\.0, not for {wrong}: build on the device"):
        build(opened, wrong)


def test_finished_kernels_are_kept_and_made_anew_after_a_new_driver(tensorrt_rtx, driver, opened):
    stored = build(opened)
    kept = stored.path.with_suffix(".kernels")
    assert kept.read_bytes() == b"kernels for 12060"
    assert kept.stat().st_mode & 0o777 == 0o600
    ecg2lab.load(opened, backend="tensorrt").close()
    assert tensorrt_rtx.kernels.taken
    assert tensorrt_rtx.strategy == tensorrt_rtx.DynamicShapesKernelSpecializationStrategy.EAGER
    driver.version = 13000
    ecg2lab.load(opened, backend="tensorrt").close()
    assert not tensorrt_rtx.kernels.taken
    assert kept.read_bytes() == b"kernels for 13000"


def test_kernels_that_others_may_write_are_not_loaded(tensorrt_rtx, opened):
    kept = build(opened).path.with_suffix(".kernels")
    kept.chmod(0o666)
    ecg2lab.load(opened, backend="tensorrt").close()
    assert tensorrt_rtx.kernels.taken is None


def test_kernels_that_cannot_be_kept_cost_no_answer(tensorrt_rtx, opened, monkeypatch, inputs):
    build(opened).path.with_suffix(".kernels").unlink()

    def refuse(*arguments, **options):
        raise ecg2lab.OutputError("cannot write")

    monkeypatch.setattr("ecg2lab.backends.tensorrt.cache.write_atomically", refuse)
    with ecg2lab.load(opened, backend="tensorrt") as loaded:
        assert loaded.run(*inputs).shape == (9, len(opened.contract.targets))
