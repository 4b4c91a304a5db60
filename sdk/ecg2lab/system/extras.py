"""Optional dependencies: asked for when needed, named when missing."""

from __future__ import annotations

from importlib import util

from ecg2lab.errors import MissingExtraError


def require(extra: str, *modules: str) -> None:
    """Make sure that modules of an extra can be imported.

    Raises
    ------
    MissingExtraError
        Saying which extra to install.
    """
    missing = [module for module in modules if util.find_spec(module) is None]
    if missing:
        raise MissingExtraError(f"this needs {missing[0]}, which is not installed: pip install 'ecg2lab[{extra}]'")


def installed_version(distribution: str) -> str | None:
    """Version of an installed distribution, or None."""
    from importlib import metadata  # its import takes longer than a first answer

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
