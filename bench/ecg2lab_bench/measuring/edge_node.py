"""An edge node in a process of its own, and clients that ask it over loopback."""

from __future__ import annotations

import http.client
import itertools
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ecg2lab.errors import BackendError
from ecg2lab_bench.measuring import workload

_BOUNDARY = "a-part-of-the-form"
_READY_S = 60.0
_BITS = 32
"""Of the number that makes a recording another one."""
_STEP = 1000
"""Units of a sample for a millivolt."""


class Record:
    """The recording of the workload as files of WFDB, each time with other bytes: no two are the same to a node."""

    def __init__(self) -> None:
        recording = workload.recording()
        leads = [f"r.dat 16 {_STEP}/mV 16 0 0 0 0 {lead}" for lead in recording.leads]
        first = f"r {len(leads)} {recording.fs:g} {recording.samples.shape[1]}"
        self.header = "\n".join([first, *leads, ""]).encode()
        self._samples = np.rint(recording.samples.T * _STEP).astype("<i2")
        self._numbers = itertools.count()

    def another(self) -> dict[str, bytes]:
        """Files by their names."""
        samples = self._samples.copy()
        number = next(self._numbers)
        samples[:_BITS, 0] ^= np.array([number >> bit & 1 for bit in range(_BITS)], "<i2")  # a microvolt each
        return {"r.hea": self.header, "r.dat": samples.tobytes()}


def form(files: dict[str, bytes]) -> bytes:
    """The files and the workload's facts as the body of a request."""
    facts = {name: str(value).encode() for name, value in workload.PATIENT.given().items()}
    named = {f'"{name}"': value for name, value in facts.items()}
    named |= {f'"file"; filename="{name}"': content for name, content in files.items()}
    parts = [
        f"--{_BOUNDARY}\r\nContent-Disposition: form-data; name={name}\r\n\r\n".encode() + content + b"\r\n"
        for name, content in named.items()
    ]
    return b"".join(parts) + f"--{_BOUNDARY}--\r\n".encode()


class Client:
    """One connection that is kept."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_READY_S)

    def send(self, body: bytes, wait: bool) -> int:
        """Send a recording; returns the status, once the whole answer is here."""
        head = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
        self._connection.request("POST", f"/v1/recordings{'?wait' if wait else ''}", body, head)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status

    def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON."""
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


class NodeProcess:
    """A node that serves; what it keeps lies in a folder that is removed in the end."""

    def __init__(self, bundle: str, folder: str, told: dict[str, Any]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        config = Path(folder) / "edge.json"
        config.write_text(json.dumps({**told, "http": {"port": self.port}}))
        command = [sys.executable, "-m", "ecg2lab", "serve", bundle, "--config", str(config)]
        self._log, self._clients = Path(folder) / "log", list[Client]()
        begin = time.perf_counter()
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        self._await(begin)
        self.ready_s = time.perf_counter() - begin
        """From its start until it takes recordings."""

    def _await(self, begin: float) -> None:
        while time.perf_counter() - begin < _READY_S and self._process.poll() is None:
            client = Client(self.port)
            try:
                if client.get("/v2/health/ready")[0] == 200:
                    return
            except OSError:
                time.sleep(0.005)
            finally:
                client.close()
        self.stop()
        said = self._log.read_text(errors="replace").strip().splitlines()
        raise BackendError(f"the node did not become ready: {said[-1] if said else 'it said nothing'}")

    def client(self) -> Client:
        """A connection of its own, until the node stops."""
        self._clients.append(Client(self.port))
        return self._clients[-1]

    def resident_mb(self) -> tuple[float, float] | None:
        """Of the node itself and of the processes beside it, 10⁶ bytes; None: not told by this system."""
        own = _resident_mb(self._process.pid)
        if own is None:
            return None
        listed = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        return own, sum(_resident_mb(int(child)) or 0.0 for child in listed)

    def stop(self) -> None:
        """End it in order."""
        for client in self._clients:
            client.close()
        self._process.terminate()
        try:
            self._process.wait(_READY_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _resident_mb(process: int) -> float | None:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmRSS")), None)


@contextmanager
def served(bundle: str, parent: Path | None = None, **told: Any) -> Iterator[NodeProcess]:
    """A node over a new folder within `parent`; None: where temporary files are."""
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        node = NodeProcess(bundle, folder, told)
        try:
            yield node
        finally:
            node.stop()
