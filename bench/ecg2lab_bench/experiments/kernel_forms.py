"""Experiment `kernel-forms`: how exact each form of an S4 convolution is in float32, on random state spaces.

Glossary: H channels, N state size, L window, T chunk. The truth is the published algorithm in float64 (`dplr.kernel`),
which shares no step with any of the forms. A channel's error is the largest of its taps, in both directions, over its
largest tap; D is zero, so that it hides nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab._native import _core
from ecg2lab.backends.onnxruntime import make_session
from ecg2lab.proof.kernels import two_sided
from ecg2lab.proof.recurrences import SCAN_CHUNK
from ecg2lab_bench.experiments import state_forms
from ecg2lab_bench.experiments.kernel_results import Case, FormError, KernelResults
from ecg2lab_bench.experiments.kernel_results import page as page
from ecg2lab_bench.experiments.state_forms import Chunks, Rows
from ecg2lab_bench.measuring import machine
from ecg2lab_bench.measuring.libraries import LeftOut, need
from ecg2lab_bench.measuring.plan import Plan
from ecg2lab_bench.measuring.timing import Tell, silent
from ecg2lab_bench.peers.published_pipeline import PublishedKernel
from ecg2lab_bench.state_spaces import Poles, draw
from ecg2lab_export.forms import step_graph, window_graph
from ecg2lab_export.forms.cascade import fit_cascade
from ecg2lab_export.forms.window_graph import Form
from ecg2lab_export.network import dplr
from ecg2lab_export.network.dplr import Dplr, Real
from ecg2lab_export.network.fusion import StoredLayer
from ecg2lab_export.network.realisation import Realisation, realise_system, to_real_basis

_SEED = 0
_SHORT, _LONG = 250, 5000
"""L: the published window, and one of fifty seconds."""


class Setting(NamedTuple):
    """What is drawn."""

    poles: Poles
    state_size: int
    window: int
    channels: int


def settings(quick: bool) -> tuple[Setting, ...]:
    """HiPPO and perturbed at the published window; poles near 1 there and where they have time to hurt."""
    many, few = (64, 16) if quick else (512, 64)  # a long window is thousands of single steps for each form
    sizes = (8, 64)
    drawn: tuple[Poles, ...] = ("HiPPO", "perturbed")
    return (
        *(Setting(poles, states, _SHORT, many) for states in sizes for poles in drawn),
        *(Setting("near 1", states, _SHORT, many) for states in sizes),
        *(Setting("near 1", states, 1000 if quick else _LONG, few) for states in sizes),
    )


def run(plan: Plan, tell: Tell = silent) -> KernelResults:
    """Measure every form in every setting; a quick run takes fewer channels and shorter windows."""
    left_out: dict[str, str] = {}
    cases = []
    for count, setting in enumerate(settings(plan.quick), start=1):
        cases.append(measure(setting, left_out))
        tell(count, 0.0)
    return KernelResults(machine=machine.describe(), cases=tuple(cases), left_out=left_out)


def measure(setting: Setting, left_out: dict[str, str]) -> Case:
    """Errors of all forms on one random layer."""
    subject = Drawn(setting)
    errors = {}
    for name, form in FORMS.items():
        try:
            with np.errstate(all="ignore"):  # what overflows is reported as an error without bound
                errors[name] = _summary(form(subject))
        except LeftOut as reason:
            left_out[name] = str(reason)
    return Case(**setting._asdict(), errors=errors)


def _summary(errors: Real) -> FormError:
    """Worst and median over channels, (H); what is not a number is without bound."""
    finite = np.where(np.isnan(errors), np.inf, errors)
    worst, median = float(finite.max()), float(np.median(finite))
    return FormError(worst=worst if np.isfinite(worst) else None, median=median if np.isfinite(median) else None)


class Drawn:
    """A random layer in the shapes that forms want, each computed once."""

    def __init__(self, setting: Setting) -> None:
        self.window, self.channels = setting.window, setting.channels
        random = np.random.default_rng(_SEED)
        self.system = draw(random, setting.poles, setting.channels, setting.state_size, setting.window)
        self.kernel = dplr.kernel(self.system)
        self.lags = two_sided(self.kernel, np.zeros(setting.channels))

    @cached_property
    def unitary(self) -> Realisation:
        """Out of the conjugate pairs by a unitary change of basis, and no further."""
        a_bar, b_bar = dplr.discretise(self.system)
        back = dplr.undo_truncation(a_bar, self.window)
        c = np.einsum("dhn,hnm->dhm", dplr.complete(self.system.c), back)
        a, b, c_real = to_real_basis(a_bar, b_bar, c)
        both = self.system.directions
        return Realisation(np.stack([a] * both), np.stack([b] * both), c_real, self.window)

    @cached_property
    def balanced(self) -> Realisation:
        """As it is shipped."""
        return realise_system(self.system)

    def layer(self, directions: int = 2) -> StoredLayer:
        """The state space in a layer of which nothing else is asked; one direction: the causal half."""
        nothing, one = np.zeros(self.channels), np.zeros((1, 1))
        system = self.system if directions == 2 else self.system._replace(c=self.system.c[:1])
        return StoredLayer(system, nothing, one, one[0], nothing, nothing)

    def kernel_error(self, kernel: NDArray[Any]) -> Real:
        """Of a kernel, (D H L) → (H)."""
        return self._relative(np.abs(kernel - self.kernel).max(axis=(0, 2)))

    def response_error(self, convolve: Callable[[Rows], NDArray[Any]], lags: Real | None = None) -> Real:
        """Of the response to impulses at the window's ends, which show every lag, and in its middle: → (H)."""
        lags = self.lags if lags is None else lags
        errors = []
        for at in (0, self.window // 2, self.window - 1):
            impulse = np.zeros((self.window, self.channels), dtype=np.float32)
            impulse[at] = 1
            expected = lags[self.window - 1 - at : 2 * self.window - 1 - at]
            errors.append(np.abs(convolve(impulse) - expected).max(axis=0))
        return self._relative(np.max(errors, axis=0))

    def _relative(self, error: Real) -> Real:
        return error / np.abs(self.lags).max(axis=0)


Basis = Callable[[Drawn], Realisation]


def _native_scan(drawn: Drawn, system: Realisation) -> Real:
    scan = _core.Scan(system.a, system.b, system.c, np.zeros(drawn.channels), SCAN_CHUNK)
    return drawn.response_error(scan.run)


def _on_onnxruntime(form: Form) -> Callable[[Drawn], Real]:
    def measure_it(drawn: Drawn) -> Real:
        graph = window_graph.build_convolution(drawn.layer(), form)
        session = make_session(graph.SerializeToString(), threads=1)
        return drawn.response_error(lambda u: session.run(None, {"u": u})[0])

    return measure_it


def _step(samples: int) -> Callable[[Drawn], Real]:
    """The causal half, for a bidirectional layer has no step."""

    def measure_it(drawn: Drawn) -> Real:
        layer = drawn.layer(directions=1)
        session = make_session(step_graph.build_convolution(layer).SerializeToString(), threads=1)
        size = session.get_inputs()[1].shape[-1]

        def convolve(u: Rows) -> NDArray[Any]:
            state, parts = np.zeros((1, size), np.float32), []
            for start in range(0, len(u), samples):
                y, state = session.run(None, {"u": u[start : start + samples], "state": state})
                parts.append(y)
            return np.concatenate(parts)

        return drawn.response_error(convolve, two_sided(drawn.kernel[:1], np.zeros(drawn.channels)))

    return measure_it


def _chunks(basis: Basis, chunk: int) -> Callable[[Drawn], Real]:
    return lambda drawn: drawn.response_error(Chunks(basis(drawn), chunk).run)


def _kernel(form: Callable[[Realisation, int], NDArray[Any]], basis: Basis) -> Callable[[Drawn], Real]:
    return lambda drawn: drawn.kernel_error(form(basis(drawn), drawn.window))


def _published(system: Dplr) -> NDArray[Any]:
    need("torch")
    return PublishedKernel(system)().numpy()


def _unitary(drawn: Drawn) -> Realisation:
    return drawn.unitary


def _balanced(drawn: Drawn) -> Realisation:
    return drawn.balanced


FORMS: dict[str, Callable[[Drawn], Real]] = {
    "published algorithm in float32": lambda x: x.kernel_error(_published(x.system)),
    "complex diagonal, stepped": _kernel(state_forms.complex_diagonal, _unitary),
    "second-order sections in parallel": _kernel(state_forms.parallel_sections, _unitary),
    "dense, unitary basis, stepped": _kernel(state_forms.dense, _unitary),
    "real Schur, stepped": _kernel(state_forms.real_schur, _unitary),
    "dense, balanced basis, stepped": _kernel(state_forms.dense, _balanced),
    "chunks of 10, unitary basis": _chunks(_unitary, 10),
    "chunks of 10, balanced basis": _chunks(_balanced, 10),
    "chunks of 25, unitary basis": _chunks(_unitary, 25),
    "chunks of 25, balanced basis": _chunks(_balanced, 25),
    "native scan, unitary basis": lambda x: _native_scan(x, x.unitary),
    "native scan *": lambda x: _native_scan(x, x.balanced),
    "Kautz cascade, taps fitted *": lambda x: x.kernel_error(fit_cascade(x.layer()).kernel(x.window)),
    "recurrent window graph *": _on_onnxruntime("recurrent"),
    "spectral window graph *": _on_onnxruntime("spectral"),
    "step graph, 1 sample a step *": _step(1),
    "step graph, 31 samples a step *": _step(step_graph.MOST_SAMPLES),
    "realisation in float64 *": lambda x: x.kernel_error(x.balanced.kernel()),
}
"""By name: what was tried, then what is shipped, which has a star."""
