"""What `ecg2lab serve` is told on the command line."""

import json

import pytest
from edge_peers import free_port
from typer.testing import CliRunner

from ecg2lab.cli import app
from ecg2lab.demo import bundle_path
from ecg2lab.edge import serving
from ecg2lab.errors import BackendError


@pytest.fixture
def served(monkeypatch, tmp_path):
    """`served(option, …)`: the backend of the engine that is served, or the error."""
    engines = []
    monkeypatch.setattr(serving, "serve", lambda engine, *_: engines.append(engine))
    config = tmp_path / "edge.json"
    config.write_text(json.dumps({"http": {"port": free_port()}}))

    def serve(*options):
        said = CliRunner().invoke(app, ["serve", str(bundle_path()), "--config", str(config), *options])
        if said.exception is not None:
            return said.exception
        with engines.pop() as engine:
            return engine.info.backend

    return serve


@pytest.mark.parametrize(
    ("options", "backend"),
    [((), "native"), (("--backend", "native"), "native"), (("--backend", "onnxruntime"), "onnxruntime")],
    ids=str,
)
def test_the_backend_is_chosen(served, options, backend):
    assert served(*options) == backend


@pytest.mark.parametrize("options", [("--backend", "abacus"), ("--precision", "fp17")], ids=str)
def test_another_is_refused(served, options):
    assert isinstance(served(*options), BackendError)
