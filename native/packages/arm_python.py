"""Debian's Python for 64-bit Arm in a folder of its own, run by qemu-user: nothing is installed on this machine."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

PACKAGES = ("python3.11", "libstdc++6")
VERSION = "3.11"
KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SOURCE = f"""Types: deb
URIs: http://deb.debian.org/debian
Suites: bookworm
Components: main
Architectures: arm64
Signed-By: {KEYS}
"""
# Of wheels that Debian 12 can load; NumPy and others are published for several.
PLATFORMS = [f"manylinux_2_{minor}_aarch64" for minor in (17, 24, 26, 27, 28, 31, 34)] + ["manylinux2014_aarch64"]


class ArmPython(NamedTuple):
    """`command` runs it on this machine."""

    command: list[str]
    version: str

    def install(self, python: Path, requirement: str, site: Path) -> None:
        """By pip of this machine's `python`, which must be of the same version."""
        platforms = [f"--platform={name}" for name in PLATFORMS]
        target = ("--only-binary=:all:", "--implementation=cp", f"--python-version={self.version}", "--target", site)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *platforms, *target, requirement], check=True)


def find_arm_python(work: Path) -> ArmPython | None:
    """Fetched once into `work`; None where there is no qemu-user, no apt, or no network."""
    qemu = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
    if qemu is None or shutil.which("apt-get") is None or not KEYS.exists():
        return None
    root = work / "arm64" / "root"
    if not (root / "usr" / "bin" / f"python{VERSION}").exists():
        try:
            fetch(work.resolve() / "arm64", root)
        except subprocess.CalledProcessError:
            return None
    return ArmPython([qemu, "-L", str(root), str(root / "usr" / "bin" / f"python{VERSION}")], VERSION)


def fetch(work: Path, root: Path) -> None:
    """Packages and what they depend on, with lists and a state apart from the system's."""
    for folder in ("state/lists/partial", "cache/archives/partial", "sources"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    (work / "status").touch()
    (work / "sources" / "debian.sources").write_text(SOURCE)
    options = {
        "Dir::State": work / "state",
        "Dir::State::status": work / "status",
        "Dir::Cache": work / "cache",
        "Dir::Etc::SourceList": "/dev/null",
        "Dir::Etc::SourceParts": work / "sources",
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
    }
    apt = ["apt-get", "-qq", *(part for name, value in options.items() for part in ("-o", f"{name}={value}"))]
    quiet = {"check": True, "stdout": subprocess.DEVNULL}
    subprocess.run([*apt, "update"], **quiet)
    subprocess.run([*apt, "install", "--download-only", "--yes", "--no-install-recommends", *PACKAGES], **quiet)
    for package in sorted((work / "cache" / "archives").glob("*.deb")):
        subprocess.run(["dpkg-deb", "--extract", package, root], check=True)
