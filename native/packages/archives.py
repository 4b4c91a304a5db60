"""Archives that depend on nothing but what is in them: sorted, of one date, of nobody."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

DATE = (1980, 1, 1, 0, 0, 0)


def write_zip(path: Path, members: dict[str, bytes]) -> Path:
    """A zip of these files, those of META-INF first, as Java wants its manifest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as made:
        for name in sorted(members, key=lambda name: (not name.startswith("META-INF/MANIFEST"), name)):
            entry = zipfile.ZipInfo(name, DATE)
            entry.external_attr = 0o644 << 16
            made.writestr(entry, members[name], zipfile.ZIP_DEFLATED)
    return path


def write_tar(path: Path, folder: Path, root: str) -> Path:
    """A .tar.gz of a folder, links as links, everything below `root`."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as made:
        for file in [folder, *sorted(folder.rglob("*"))]:
            entry = made.gettarinfo(file, str(Path(root) / file.relative_to(folder)))
            entry.mtime = entry.uid = entry.gid = 0
            entry.uname = entry.gname = "root"
            entry.mode = 0o755 if file.is_dir() else 0o644
            with open(file, "rb") if entry.isreg() else io.BytesIO() as bytes_of_it:
                made.addfile(entry, bytes_of_it if entry.isreg() else None)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content.getvalue(), mtime=0))
    return path


def files_below(folder: Path) -> dict[str, bytes]:
    """What a zip of the folder holds."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
