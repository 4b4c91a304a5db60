"""What fields of a configuration say to each other that cannot be."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from ecg2lab.edge.config.configuration import Configuration
from ecg2lab.edge.config.destinations import DicomDestination, FhirDestination, Hl7Destination
from ecg2lab.edge.config.inputs import Dicom, Facts, Mllp


def complaints(configuration: Configuration) -> list[str]:
    """What fields say to each other that cannot be."""
    wrong = []
    names = [destination.name for destination in configuration.destinations]
    wrong += [f"two destinations are called {name!r}" for name in sorted({n for n in names if names.count(n) > 1})]
    people = [token.name for token in configuration.tokens]
    wrong += [f"two tokens are called {name!r}" for name in sorted({n for n in people if people.count(n) > 1})]
    for called, listening in (("http", configuration.http), ("grpc", configuration.grpc)):
        if listening is None or _is_loopback(listening.host):
            continue
        beyond = f"{called}.host {listening.host} can be reached from other machines"
        if listening.tls is None:
            wrong.append(f"{beyond}: that needs {called}.tls")
        if not configuration.tokens:
            wrong.append(f"{beyond}: that needs tokens")
    wrong += _about_facts(configuration.facts, configuration.mllp)
    wrong += _about_dicom(configuration.dicom)
    for destination in configuration.destinations:
        if isinstance(destination, DicomDestination):
            wrong += _about_certificate(destination)
        if isinstance(destination, Hl7Destination | DicomDestination) and destination.authority and not destination.tls:
            wrong.append(f"destination {destination.name!r} has an authority, and no tls")
        if isinstance(destination, FhirDestination):
            wrong += [f"destination {destination.name!r}: {complaint}" for complaint in _about_fhir(destination)]
    return wrong


def _about_fhir(told: FhirDestination) -> list[str]:
    try:
        base = urlsplit(told.url)
        host, _ = base.hostname or "", base.port
    except ValueError:
        return ["url is none"]
    whole = told.url.isascii() and told.url.isprintable() and " " not in told.url
    if base.scheme not in ("http", "https") or not host or not whole:
        return ["url is no address of a web server, such as https://fhir.example.org/r4"]
    wrong = []
    if base.query or base.fragment or base.username is not None or base.password is not None:
        wrong.append("url has more than a host, a port and a path")
    if base.scheme == "http":
        near = _is_loopback(host)
        if told.authority is not None:
            wrong.append("it has an authority, and an url without TLS")
        if not near and not told.plain_http:
            wrong.append(f"{told.url} would be readable on the way: use https, or say plain_http")
        if not near and told.token_file is not None:
            wrong.append("a token goes to no other machine without TLS")
    if told.find_patients and (not told.patient_system or told.as_ != "transaction"):
        wrong.append("find_patients needs patient_system, and a transaction")
    return wrong


def _about_certificate(destination: DicomDestination) -> list[str]:
    wrong, called = [], f"destination {destination.name!r}"
    if (destination.certificate is None) != (destination.key is None):
        wrong.append(f"{called} needs certificate and key, or neither")
    if destination.certificate and not destination.tls:
        wrong.append(f"{called} has a certificate, and no tls")
    return wrong


def _about_dicom(dicom: Dicom | None) -> list[str]:
    if dicom is None:
        return []
    places = [place for caller in dicom.callers for place in caller.addresses]
    wrong = [f"dicom.callers: {place!r} is no address or network" for place in places if not _is_network(place)]
    if not _is_loopback(dicom.host) and not dicom.callers:
        wrong.append(f"dicom.host {dicom.host} can be reached from other machines: that needs dicom.callers")
    return wrong


def _about_facts(facts: Facts, mllp: Mllp | None) -> list[str]:
    wrong = []
    if facts.zone is not None and not _is_zone(facts.zone):
        wrong.append(f"facts.zone {facts.zone!r} is no time zone that this machine has")
    if mllp is not None:
        wrong += [f"mllp.allow: {place!r} is no address or network" for place in mllp.allow if not _is_network(place)]
        identified = mllp.tls is not None and mllp.tls.clients is not None
        if not _is_loopback(mllp.host) and not mllp.allow and not identified:
            beyond = f"mllp.host {mllp.host} can be reached from other machines"
            wrong.append(f"{beyond}: that needs mllp.allow, or mllp.tls with clients")
    return wrong


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        return False
    return True


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
