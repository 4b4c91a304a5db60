"""What must be so on this machine before anything listens: folders, ports, certificates."""

from __future__ import annotations

import os
import socket
import ssl
import stat
from collections.abc import Iterator
from pathlib import Path

from ecg2lab.edge.config import Configuration, DicomDestination, FhirDestination, FilesDestination, Tls
from ecg2lab.errors import ConfigurationError


def require_usable(configuration: Configuration, base: Path) -> None:
    """Refuse what cannot be served here.

    Raises
    ------
    ConfigurationError
        Naming all that is wrong.
    """
    wrong = list(_complaints(configuration, base))
    if wrong:
        raise ConfigurationError("; ".join(wrong))


def _complaints(configuration: Configuration, base: Path) -> Iterator[str]:
    yield from _folder("state", base / configuration.state)
    yield from _port("http", configuration.http.host, configuration.http.port)
    if configuration.http.tls is not None:
        yield from _tls("http.tls", configuration.http.tls, base)
    if configuration.grpc is not None:
        yield from _port("grpc", configuration.grpc.host, configuration.grpc.port)
        if configuration.grpc.tls is not None:
            yield from _tls("grpc.tls", configuration.grpc.tls, base)
    if configuration.folder is not None:
        yield from _folder("folder.path", base / configuration.folder.path)
    if configuration.mllp is not None:
        yield from _port("mllp", configuration.mllp.host, configuration.mllp.port)
        if configuration.mllp.tls is not None:
            yield from _tls("mllp.tls", configuration.mllp.tls, base)
    if configuration.dicom is not None:
        yield from _port("dicom", configuration.dicom.host, configuration.dicom.port)
        if configuration.dicom.tls is not None:
            yield from _tls("dicom.tls", configuration.dicom.tls, base)
    for destination in configuration.destinations:
        called = f"destination {destination.name!r}"
        if isinstance(destination, FilesDestination):
            yield from _folder(f"{called}: folder", base / destination.folder)
        elif destination.authority is not None:
            yield from _authority(f"{called}: authority", base / destination.authority)
        if isinstance(destination, DicomDestination) and destination.certificate and destination.key:
            own = Tls(certificate=destination.certificate, key=destination.key)
            yield from _tls(f"{called}: certificate", own, base)
        if isinstance(destination, FhirDestination) and destination.token_file is not None:
            yield from _token(f"{called}: token_file", base / destination.token_file)


def _folder(called: str, folder: Path) -> Iterator[str]:
    """A folder that is not there yet is made later, in the nearest that is."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        yield f"{called}: {place} is no folder"
    elif not os.access(place, os.W_OK | os.X_OK):
        yield f"{called}: {place} cannot be written"


def _port(called: str, host: str, port: int) -> Iterator[str]:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        yield f"{called}: cannot listen on {host}:{port}: {error.strerror}"


def _tls(called: str, tls: Tls, base: Path) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(base / tls.certificate, base / tls.key)
    except (OSError, ssl.SSLError) as error:
        yield f"{called}: {tls.certificate} and {tls.key} cannot be used: {error.strerror or error}"
    if tls.clients is not None:
        yield from _authority(f"{called}.clients", base / tls.clients)


def _authority(called: str, path: Path) -> Iterator[str]:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except (OSError, ssl.SSLError) as error:
        yield f"{called}: {path} has no certificates: {error.strerror or error}"


def _token(called: str, path: Path) -> Iterator[str]:
    from ecg2lab.edge.destinations.fhir import read_token

    try:
        read_token(path)
        open_to_all = path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH)
    except OSError as error:
        yield f"{called}: {path} cannot be read: {error.strerror}"
    except ValueError as error:
        yield f"{called}: {path}: {error}"
    else:
        if open_to_all and os.name == "posix":
            yield f"{called}: {path} can be read or written by everybody on this machine: chmod o-rw"
