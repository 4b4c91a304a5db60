"""Builds the edge node's image without a container engine, starts it, asks it for an answer, and measures it.

    python deploy/try_root.py FOLDER

See `build_root.py` for what it needs. The image is read-only while it runs, and its process has no rights.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from build_root import PROJECT, Builder, ContainerfileError, Image, box

MEGABYTE = 1e6
_READY_S = 60.0
_DEMO = "ecg2lab/demo"
_POWERS = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")
"""To give up those that are left."""


class Trial:
    """A container of an image, over folders of this machine.

    Parameters
    ----------
    image
        As `Builder.build` made it.
    folder
        Where its state and its configuration are kept.
    """

    def __init__(self, image: Image, folder: Path) -> None:
        self._image, self._folder = image, folder
        self._port = _free_port()
        self._demo = _packages(image) / _DEMO
        for name in ("state", "carts", "etc"):
            (folder / name).mkdir()
            os.chown(folder / name, *_identity(image))
        told = json.loads((image.root / "etc/ecg2lab/edge.json").read_text())
        told |= {"http": {"port": self._port}, "limits": {"least_free_mb": 0}}
        (folder / "etc/edge.json").write_text(json.dumps(told))
        shutil.copy(self._demo / "demo.ecg2lab", folder / "etc/model.ecg2lab")

    def command(self, program: Sequence[str] = ()) -> list[str]:
        """The command line that runs a program there; without one, what the image says."""
        image, folder = self._image, self._folder
        user, group = _identity(image)
        mounts = ["--bind", str(folder / "state"), "/var/lib/ecg2lab", "--bind", str(folder / "carts"), "/srv/carts"]
        mounts += ["--ro-bind", str(folder / "etc"), "/etc/ecg2lab", "--tmpfs", "/tmp"]
        powers = [word for power in _POWERS for word in ("--cap-add", power)]
        rights = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs"]
        rights += ["--inh-caps=-all", "--bounding-set=-all"]
        inside = ["--ro-bind", str(image.root), "/", *mounts, *powers, "--chdir", image.folder]
        return [*box(inside, image.environment), *rights, *(program or [*image.entry, *image.command])]

    @contextmanager
    def running(self) -> Iterator[None]:
        """While it is healthy, by the image's own check.

        Raises
        ------
        RuntimeError
            If it ends, or does not become healthy.
        """
        with open(self._folder / "log", "wb") as log:
            process = subprocess.Popen(self.command(), stdout=log, stderr=log)
        try:
            end = time.monotonic() + _READY_S
            while subprocess.run(self.command(self._image.health), stderr=subprocess.DEVNULL).returncode != 0:
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError((self._folder / "log").read_text())
            yield
        finally:
            process.kill()
            process.wait()

    def ask(self) -> tuple[int, int]:
        """Have it answer the packaged ECG: how many findings there are, and how long the report in PDF is."""
        header = next(self._demo.glob("*.hea"))
        boundary = uuid.uuid4().hex
        body = b"".join(_part(boundary, path) for path in (header, header.with_suffix(".mat")))
        kind = {"content-type": f"multipart/form-data; boundary={boundary}"}
        node = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        node.request("POST", "/v1/recordings?wait", body + f"--{boundary}--\r\n".encode(), kind)
        answer = node.getresponse()
        said, number = json.loads(answer.read()), answer.headers["ecg2lab-recording"]
        node.request("GET", f"/v1/recordings/{number}?format=pdf")
        report = node.getresponse().read()
        node.close()
        if not report.startswith(b"%PDF-"):
            raise RuntimeError(report.decode(errors="replace"))
        return len(said["findings"]), len(report)


def _part(boundary: str, path: Path) -> bytes:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{path.name}"\r\n\r\n'
    return head.encode() + path.read_bytes() + b"\r\n"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def _packages(image: Image) -> Path:
    return next((image.root / "opt/ecg2lab/lib").glob("python3*/site-packages"))


def _identity(image: Image) -> tuple[int, int]:
    """Of the image's user, by its own table."""
    for line in (image.root / "etc/passwd").read_text().splitlines():
        name, _, user, group, *_ = line.split(":")
        if name == image.user:
            return int(user), int(group)
    raise ContainerfileError(f"USER {image.user} is nobody there")


def size(folder: Path) -> int:
    """Bytes in the files of a folder, each counted once: what a registry counts, before it compresses."""
    files = (at for at in map(Path.lstat, folder.rglob("*")) if stat.S_ISREG(at.st_mode))
    return sum({at.st_ino: at.st_size for at in files}.values())


def largest(image: Image, most: int) -> dict[str, int]:
    """The largest packages of the environment, in bytes."""
    parts = {path.name: size(path) for path in _packages(image).iterdir() if path.is_dir()}
    return dict(sorted(parts.items(), key=lambda part: -part[1])[:most])


def main() -> None:
    """Build, try, and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the stages are made; the base is kept for the next time")
    parser.add_argument("--mirror", help="of Debian's packages")
    certificates = os.environ.get("PIP_CERT")
    told = parser.parse_args()
    told.folder.mkdir(parents=True, exist_ok=True)
    builder = Builder(told.folder, PROJECT, told.mirror, Path(certificates) if certificates else None)
    image = builder.build(PROJECT / "deploy" / "Containerfile")
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(image, Path(folder))
        with trial.running():
            findings, length = trial.ask()
    lines = [f"it answered with {findings} findings and a report of {length / 1e3:.0f} kB"]
    sizes = {"image": size(image.root), "environment": size(image.root / "opt/ecg2lab"), **largest(image, 12)}
    lines += [f"{number / MEGABYTE:7.1f} MB  {name}" for name, number in sizes.items()]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
