"""A model repository on disk: folders of models that appear whole or not at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from ecg2lab.bundle import Bundle
from ecg2lab.errors import ContractError, OutputError
from ecg2lab.system.aside import aside
from ecg2lab_export.triton import folder
from ecg2lab_export.triton.folder import RECORD, Files, Record
from ecg2lab_export.triton.settings import Settings, check_name


def write(
    bundle: str | Path | Bundle,
    out: str | Path,
    settings: Settings,
    *,
    tensorrt: bool = False,
    stream: bool = False,
    replace: bool = False,
) -> tuple[str, ...]:
    """Write a bundle's models into a model repository.

    Parameters
    ----------
    bundle
        A file, or an opened bundle.
    out
        The repository: a new folder, or one that holds models already.
    settings
        How to serve them.
    tensorrt
        Add the variant `NAME_tensorrt`, which needs a GPU on the server.
    stream
        Add the variant `NAME_stream` of a causal model, which is fed in chunks.
    replace
        Take the place of models of these names that this function wrote before.

    Returns
    -------
    tuple of str
        Names of the models.

    Raises
    ------
    BundleError, ContractError, ParityError
        If the bundle is damaged, has no such variant, takes no numbers or no categories beside the signal, or does not
        compute its golden logits here.
    OutputError
        If a model of that name is there, or the folder cannot be written. Nothing of the new models is left.
    """
    opened = bundle if isinstance(bundle, Bundle) else Bundle.open(bundle)
    _require_columns(opened)
    name = settings.name
    models = {name: folder.onnx_folder(opened, settings)}
    if tensorrt:
        models[f"{name}_tensorrt"] = folder.tensorrt_folder(opened, settings, f"{name}_tensorrt")
    if stream:
        models[f"{name}_stream"] = folder.stream_folder(opened, settings, f"{name}_stream")
    for model in models:
        check_name(model)
    place(models, Path(out), replace)
    return tuple(models)


def _require_columns(bundle: Bundle) -> None:
    columns = bundle.contract.static_inputs
    without = [kind for kind in ("continuous", "categorical") if not getattr(columns, kind)]
    if without:
        raise ContractError(
            f"{bundle.source} takes no facts about the patient that are {' or '.join(without)}, and Triton serves no "
            "input without columns"
        )


def place(models: Mapping[str, Files], repository: Path, replace: bool) -> None:
    """Write models beside the repository, then move each into it; undo all at the first that fails.

    Every folder inside a repository is a model to Triton, so nothing temporary may lie there.
    """
    _require_room(models, repository, replace)
    try:
        with _beside(repository) as place:
            for name, files in models.items():
                _write_files(place / "new" / name, files)
            if repository.exists():
                _exchange(list(models), place, repository)
            else:
                os.rename(place / "new", repository)
    except OSError as error:
        raise OutputError(f"cannot write {repository}: {error.strerror or error}") from None


def _require_room(models: Mapping[str, Files], repository: Path, replace: bool) -> None:
    if repository.exists() and not repository.is_dir():
        raise OutputError(f"{repository} is a file; name a folder for the model repository")
    for name in models:
        there = repository / name
        if not os.path.lexists(there):
            continue
        if not replace:
            raise OutputError(f"{there} exists; --replace writes it anew, --name gives this model another name")
        _require_ours(there)


def _require_ours(model: Path) -> None:
    """Refuse to replace a folder unless it holds what was written, all of it unchanged, and nothing else."""
    if model.is_symlink() or not model.is_dir():
        raise OutputError(f"{model} was not written by `ecg2lab triton`; it is left as it is")
    try:
        record = msgspec.json.decode((model / RECORD).read_bytes(), type=Record)
        files = {path.relative_to(model).as_posix(): path for path in model.rglob("*") if not _is_folder(path)}
        for path in sorted(files.keys() - {RECORD}):
            content = b"" if files[path].is_symlink() else files[path].read_bytes()
            if record.files.get(path) != hashlib.sha256(content).hexdigest():
                raise OutputError(f"{model / path} was added or changed since; move it away to replace {model}")
    except (OSError, msgspec.DecodeError):
        raise OutputError(f"{model} was not written by `ecg2lab triton`; it is left as it is") from None


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


@contextmanager
def _beside(repository: Path) -> Iterator[Path]:
    target = repository.resolve()  # a link may lead to another file system, where a rename cannot
    target.parent.mkdir(parents=True, exist_ok=True)
    with aside(target.parent) as place:
        yield place


def _write_files(model: Path, files: Files) -> None:
    for path, content in files.items():
        target = model / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def _exchange(names: list[str], aside: Path, repository: Path) -> None:
    """Move new models in and old ones out; at a failure everything goes back."""
    undo: list[tuple[Path, Path]] = []

    def move(source: Path, target: Path) -> None:
        os.rename(source, target)
        undo.append((target, source))

    (aside / "old").mkdir()
    try:
        for name in names:
            if os.path.lexists(repository / name):
                move(repository / name, aside / "old" / name)
            move(aside / "new" / name, repository / name)
    except BaseException:
        for source, target in reversed(undo):
            os.rename(source, target)
        raise
