"""One graph into one plan: network, configuration, builder; the same for both packages of TensorRT."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from ecg2lab.backends.tensorrt.package import Messages, Package
from ecg2lab.backends.tensorrt.progress import BuildProgress, Tell, make_monitor
from ecg2lab.backends.tensorrt.record import Batch
from ecg2lab.errors import BackendError

_ADVICE = {
    "OutOfMemory": "a larger --workspace-mb or a smaller --batch may do",
    "FP32 GEMM is not supported": "the network has such products in every precision, so use another backend there",
}
"""What to do, by a word of TensorRT's reason."""


class Recipe(NamedTuple):
    """What a build is asked for."""

    compute_capability: str | None
    """Ahead of time; None: the GPU of this machine."""
    batch: Batch
    workspace_bytes: int
    timing_cache: bytes = b""


class Compiled(NamedTuple):
    """What a build gives."""

    plan: bytes
    timing_cache: bytes | None
    """For the next build; None: the package has none."""
    layers: str
    """The listing of layers that the builder logged; empty if it logged none."""


def compile_graph(package: Package, graph: bytes, recipe: Recipe, tell: Tell) -> Compiled:
    """Compile a window graph, strongly typed: every tensor keeps the type that the graph gives it.

    The graph is serialised ONNX, its first dimension free. What `tell` raises stops the build.

    Raises
    ------
    BackendError
        With TensorRT's own reason.
    """
    logger, messages = package.make_logger()
    progress = BuildProgress(tell)
    try:
        builder = package.module.Builder(logger)
        network = _network(package, builder, graph, logger, messages)
        config = _configuration(package, builder, network, recipe)
        cache = _timing_cache(package, config, recipe.timing_cache)
        config.progress_monitor = make_monitor(package.module, progress)
        plan = builder.build_serialized_network(network, config)
    except BackendError:
        raise
    except Exception as error:  # the binding's exceptions are of many classes; the log says more
        raise _refused(package, messages, str(error)) from None
    progress.raise_again()
    tell(1.0, "built")
    if plan is None:
        raise _refused(package, messages, "")
    kept = None if cache is None else bytes(memoryview(config.get_timing_cache().serialize()))
    return Compiled(bytes(memoryview(plan)), kept, messages.layers)


def _refused(package: Package, messages: Messages, said: str) -> BackendError:
    reason = messages.why() if messages.errors or not said else said.strip().splitlines()[0]
    advice = [f"; {what}" for word, what in _ADVICE.items() if word in reason]
    return BackendError("".join([f"{package.name} {package.version} cannot build the engine: {reason}", *advice]))


def _network(package: Package, builder: Any, graph: bytes, logger: Any, messages: Messages) -> Any:
    flags = package.module.NetworkDefinitionCreationFlag
    network = builder.create_network(1 << int(flags.STRONGLY_TYPED))
    parser = package.module.OnnxParser(network, logger)
    if not parser.parse(graph):
        reasons = [str(parser.get_error(i).desc()) for i in range(parser.num_errors)]
        reason = " ".join((reasons or [messages.why()])[0].split())
        raise BackendError(f"{package.name} {package.version} cannot read the graph: {reason}")
    return network


def _configuration(package: Package, builder: Any, network: Any, recipe: Recipe) -> Any:
    module = package.module
    config = builder.create_builder_config()
    config.set_memory_pool_limit(module.MemoryPoolType.WORKSPACE, recipe.workspace_bytes)
    # On by default, and then products of float32 keep 10 bits of each factor: no proof of float32 would hold.
    config.clear_flag(module.BuilderFlag.TF32)
    config.profiling_verbosity = module.ProfilingVerbosity.DETAILED  # for the inspector; costs nothing at run time
    _set_target(package, config, recipe.compute_capability)
    profile = builder.create_optimization_profile()
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        rest = tuple(tensor.shape)[1:]
        sizes = msgspec.structs.astuple(recipe.batch)
        profile.set_shape(tensor.name, *((size, *rest) for size in sizes))
    if config.add_optimization_profile(profile) < 0:
        raise BackendError(f"{package.name} does not accept batches of {recipe.batch} for this graph")
    return config


def _set_target(package: Package, config: Any, compute_capability: str | None) -> None:
    """Name the GPU to build for; `tensorrt` knows only this machine's, and takes it without being told."""
    if not package.ahead_of_time:
        return
    capability = package.module.ComputeCapability.CURRENT
    if compute_capability is not None:
        capability = package.capability(compute_capability)
    config.num_compute_capabilities = 1
    if not config.set_compute_capability(capability, 0):
        raise BackendError(f"{package.name} does not accept compute capability {compute_capability or 'of this GPU'}")


def _timing_cache(package: Package, config: Any, stored: bytes) -> Any:
    """Attach what an earlier build measured; one that does not fit is replaced by an empty one."""
    if not package.has_timing_cache:
        return None
    cache = config.create_timing_cache(stored)
    if not config.set_timing_cache(cache, False):
        cache = config.create_timing_cache(b"")
        config.set_timing_cache(cache, False)
    return cache
