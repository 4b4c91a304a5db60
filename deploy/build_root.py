"""Carries out a Containerfile where no container engine is; `try_root.py` starts what comes of it, and measures it.

That needs root, debootstrap, bubblewrap, Debian's packages and PyPI. A base `debian:SUITE-slim` is made as that image
is: by debootstrap, without the files that are for reading only. Layers are not kept: a stage is one folder.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
_NAMES = "/etc/resolv.conf"
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_READING_ONLY = ("doc", "info", "linda", "lintian", "locale", "man")
"""Folders of /usr/share that Debian's slim images leave out, but for copyrights."""
_TOLD_TO_ENGINES = {"LABEL", "VOLUME", "EXPOSE", "HEALTHCHECK"}


class ContainerfileError(Exception):
    """Says what of a Containerfile cannot be carried out here."""


@dataclass
class Stage:
    """From a FROM to the next."""

    base: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)
    """Instruction and what follows it."""


@dataclass
class Image:
    """What a container would start with."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    user: str = "root"
    folder: str = "/"
    entry: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)


def stages(text: str) -> list[Stage]:
    """The stages of a Containerfile, in order.

    Raises
    ------
    ContainerfileError
        If a line stands before the first FROM.
    """
    found: list[Stage] = []
    for word, rest in _instructions(text):
        if word == "FROM":
            base, *called = rest.split()
            found.append(Stage(base, called[-1] if called else str(len(found))))
        elif not found:
            raise ContainerfileError(f"{word} stands before FROM")
        else:
            found[-1].steps.append((word, rest))
    return found


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    whole = ""
    for line in text.splitlines():
        if line.strip().startswith("#") or not (line.strip() or whole):
            continue
        whole += line.rstrip()
        if whole.endswith("\\"):
            whole = whole[:-1]
            continue
        word, _, rest = whole.strip().partition(" ")
        yield word.upper(), rest.strip()
        whole = ""
    if whole:
        raise ContainerfileError("the last line is not ended")


class Builder:
    """Makes one folder for each stage.

    Parameters
    ----------
    folder
        Where they are made.
    context
        From which COPY takes what it names.
    mirror
        Of Debian's packages; None: debootstrap's own.
    certificates
        In PEM, that pip is to trust while it builds; None: those that it has.
    """

    def __init__(
        self, folder: Path, context: Path, mirror: str | None = None, certificates: Path | None = None
    ) -> None:
        self._folder, self._context, self._mirror, self._certificates = folder, context, mirror, certificates
        self._images: dict[str, Image] = {}

    def build(self, containerfile: Path) -> Image:
        """Carry out all of it; the last stage's image.

        Raises
        ------
        ContainerfileError
            If it says what is not understood here.
        subprocess.CalledProcessError
            If a step fails.
        """
        for stage in stages(containerfile.read_text()):
            image = self._images[stage.name] = Image(self._folder / stage.name)
            self._lay_base(stage.base, image.root)
            for word, rest in stage.steps:
                tell(f"{stage.name}: {word} {rest if len(rest) < 100 else rest[:97] + '...'}")
                self._step(image, word, rest)
        return image

    def _lay_base(self, base: str, root: Path) -> None:
        shutil.rmtree(root, ignore_errors=True)
        name, _, tag = base.partition(":")
        if name != "debian" or not tag.endswith("-slim"):
            raise ContainerfileError(f"FROM {base}: only debian:SUITE-slim can be made here")
        kept = self._folder / f"base-{tag}"
        if not kept.exists():
            tell(f"debootstrap {tag}")
            suite, begun = tag.removesuffix("-slim"), kept.with_suffix(".part")
            command = ["debootstrap", "--variant=minbase", suite, str(begun)]
            if self._mirror is not None:
                command.append(self._mirror)
            subprocess.run(command, check=True, stdout=sys.stderr)
            _make_slim(begun)
            begun.rename(kept)
        subprocess.run(["cp", "-a", f"{kept}/.", str(root)], check=True)

    def _step(self, image: Image, word: str, rest: str) -> None:
        if word == "RUN":
            self._run(image, rest)
        elif word == "COPY":
            self._copy(image, shlex.split(rest))
        elif word == "ENV":
            image.environment.update(_pair(word) for word in shlex.split(rest))
        elif word == "USER":
            image.user = rest
        elif word == "WORKDIR":
            image.folder = rest
        elif word in ("ENTRYPOINT", "CMD"):
            setattr(image, "entry" if word == "ENTRYPOINT" else "command", json.loads(rest))
        elif word not in _TOLD_TO_ENGINES:
            raise ContainerfileError(f"{word} is not carried out here")
        elif word == "HEALTHCHECK":
            image.health = json.loads(rest[rest.index("CMD ") + 4 :])

    def _run(self, image: Image, command: str) -> None:
        around = ["--bind", str(image.root), "/", "--ro-bind", _NAMES, _NAMES, "--cap-add", "ALL"]
        environment = {"PATH": _PATH, "DEBIAN_FRONTEND": "noninteractive", **image.environment}
        if self._certificates is not None:
            around += ["--ro-bind", str(self._certificates), "/tmp/certificates.pem"]
            environment["PIP_CERT"] = "/tmp/certificates.pem"
        subprocess.run([*box(around, environment), "/bin/sh", "-c", command], check=True, stdout=sys.stderr)
        (image.root / "tmp/certificates.pem").unlink(missing_ok=True)

    def _copy(self, image: Image, words: Sequence[str]) -> None:
        origin = self._context
        if words[0].startswith("--from="):
            origin, words = self._images[words[0].removeprefix("--from=")].root, words[1:]
        *sources, target = words
        if any(word.startswith("--") for word in words):
            raise ContainerfileError(f"COPY {words[0]} is not carried out here")
        place = image.root / target.lstrip("/")
        for source in sources:
            path = origin / source.lstrip("/")
            if path.is_dir():
                shutil.copytree(path, place, symlinks=True, dirs_exist_ok=True, ignore=_left_by_python)
            else:
                inside = place / path.name if target.endswith("/") else place
                inside.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, inside)


def _pair(word: str) -> tuple[str, str]:
    name, _, value = word.partition("=")
    return name, value


def _left_by_python(folder: str, names: list[str]) -> set[str]:
    """Of a work tree; an environment that a stage has made is copied whole."""
    own = Path(folder).is_relative_to(PROJECT)
    return {name for name in names if own and (name == "__pycache__" or name.endswith(".so"))}


def _make_slim(root: Path) -> None:
    """As Debian's slim images are: later packages leave out the same."""
    excluded = [f"path-exclude /usr/share/{name}/*" for name in _READING_ONLY]
    rules = [*excluded, "path-include /usr/share/doc/*/copyright", "path-include /usr/share/locale/locale.alias"]
    (root / "etc/dpkg/dpkg.cfg.d/slim").write_text("\n".join(rules) + "\n")
    for name in _READING_ONLY:
        for path in sorted((root / "usr/share" / name).rglob("*"), reverse=True):
            if path.is_dir() and not path.is_symlink():
                if not any(path.iterdir()):
                    path.rmdir()
            elif path.name not in ("copyright", "locale.alias"):
                path.unlink()
    for pattern in ("var/lib/apt/lists/*", "var/cache/apt/archives/*.deb", "var/cache/apt/*.bin", "var/log/*.log"):
        for path in root.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def box(around: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """The beginning of a command line that runs something in a folder as if that were the whole machine.

    Parameters
    ----------
    around
        Options of bwrap: what of this machine is where.
    environment
        Nothing else of it is handed on.
    """
    told = [word for name, value in environment.items() for word in ("--setenv", name, value)]
    machine = ["--proc", "/proc", "--dev", "/dev"]
    return ["bwrap", "--unshare-pid", "--die-with-parent", "--clearenv", *around, *machine, *told]


def tell(text: str) -> None:
    """How far it is."""
    sys.stderr.write(f"{text}\n")
