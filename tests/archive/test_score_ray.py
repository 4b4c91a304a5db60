"""On a Ray cluster of this machine the table is the same, also if a worker is lost."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.system,
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: make test-system installs it"),
]


def wait_for(happened, seconds=60):
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_two_workers_of_which_one_is_killed_write_the_same_table(
    many, scored, tmp_path, spoilt, processes_below, ended
):
    process = spoilt.start(many, "x.parquet", "--ray", "local", "--workers", 2, "--json")

    def at_work():
        """Processes of Ray that have a worker of ours."""
        found = processes_below(process.pid)
        return [pid for pid, line in found.items() if line.startswith("ray::") and processes_below(pid)]

    rows = tmp_path / "x.parquet.parts" / "rows"
    wait_for(lambda: process.poll() is not None or (len(at_work()) == 2 and len(list(rows.glob("*.parquet"))) > 2))
    everything = processes_below(process.pid)
    lost = [pid for pid in at_work() if "IDLE" not in everything[pid]]
    assert lost, everything
    for pid in lost:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: all(map(ended, lost)))
    (tmp_path / "go").touch()
    output, complaint = process.communicate(timeout=60)
    assert (process.returncode, complaint) == (0, "")
    assert json.loads(output)["resumed"] == 0
    assert (tmp_path / "x.parquet").read_bytes() == scored.read_bytes()
    wait_for(lambda: all(map(ended, everything)))


def test_what_ray_cannot_do_is_one_line(archive, tmp_path, score):
    complaint = score(archive, "x.parquet", "--ray", "127.0.0.1:1", code=1)
    assert complaint.startswith("error: BackendError: there is no Ray cluster at 127.0.0.1:1")
    assert len(complaint.splitlines()) == 1


def test_a_model_that_cannot_be_loaded_is_refused_as_without_ray(archive, score):
    complaint = score(archive, "x.parquet", "--ray", "local", "--workers", 1, "--precision", "int4", code=1)
    assert complaint.startswith("error: BackendError: precision 'int4' is not in this bundle")


def test_interrupted_nothing_of_ray_stays(many, tmp_path, spoilt, processes_below, ended):
    process = spoilt.start(many, "x.parquet", "--ray", "local", "--workers", 1)
    rows = tmp_path / "x.parquet.parts" / "rows"
    wait_for(lambda: process.poll() is not None or list(rows.glob("*.parquet")))
    everything = processes_below(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    output, complaint = process.communicate(timeout=60)
    assert (process.returncode, output, complaint.strip()) == (130, "", "")
    wait_for(lambda: all(map(ended, everything)))


@pytest.fixture
def cluster(tmp_path):
    """The address of a cluster that is not the command's own, and what of the environment opens it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    environment = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    ray = Path(sys.executable).with_name("ray")
    options = ("--head", "--block", "--port", str(port), "--num-cpus", "2", "--include-dashboard", "false")
    log = tmp_path / "ray.log"
    with tempfile.TemporaryDirectory(prefix="ray") as folder, log.open("w") as output:  # its sockets want a short path
        process = subprocess.Popen(
            [ray, "start", *options, "--disable-usage-stats", "--temp-dir", folder],
            env={**os.environ, **environment},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            wait_for(lambda: process.poll() is not None or "Ray runtime started" in log.read_text())
            yield f"127.0.0.1:{port}", environment
        finally:
            process.terminate()
            process.wait(60)
            subprocess.run(["pkill", "-KILL", "-s", str(process.pid)], check=False)


def test_a_cluster_that_is_there_already_is_asked_with_its_token(archive, tmp_path, cluster, command, score_here):
    address, environment = cluster
    command(**environment).run(archive, "x.parquet", "--ray", address)
    score_here(archive, "here.parquet")
    assert (tmp_path / "x.parquet").read_bytes() == (tmp_path / "here.parquet").read_bytes()
    complaint = command(RAY_AUTH_MODE="disabled").run(archive, "y.parquet", "--ray", address, code=1)
    assert complaint.startswith("error: BackendError: there is no Ray cluster at")
    assert complaint.endswith("if it wants a token, set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN")
