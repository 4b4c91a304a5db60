"""A configuration says what it means, or is refused by the field."""

import json
import socket
from pathlib import Path
from typing import get_args

import jsonschema
import pytest

from ecg2lab.edge import checks, config
from ecg2lab.errors import ConfigurationError

TOKEN = {"name": "a", "sha256": "0" * 64, "scopes": ["send"]}
FILES = {"kind": "files", "name": "disk", "folder": "out"}
HL7 = {"kind": "hl7", "name": "record", "host": "localhost", "port": 2575}
WRONG = {
    "unknown field": ({"prot": 1}, "unknown field `prot`"),
    "unknown within": ({"http": {"prot": 1}}, "unknown field `prot` - at `$.http`"),
    "port": ({"http": {"port": 0}}, "`$.http.port`"),
    "kind": ({"destinations": [{"kind": "fax", "name": "x"}]}, "`$.destinations[0].kind`"),
    "no name": ({"destinations": [{"kind": "files", "folder": "x"}]}, "missing required field `name`"),
    "two destinations": ({"destinations": [FILES, {**HL7, "name": "disk"}]}, "two destinations are called 'disk'"),
    "two tokens": ({"tokens": [TOKEN, TOKEN]}, "two tokens are called 'a'"),
    "token as it is": ({"tokens": [{**TOKEN, "sha256": "secret"}]}, "`$.tokens[0].sha256`"),
    "no scope": ({"tokens": [{**TOKEN, "scopes": []}]}, "`$.tokens[0].scopes`"),
    "open to all": ({"http": {"host": "0.0.0.0"}}, "that needs http.tls; .* that needs tokens"),
    "open to all, IPv6": ({"http": {"host": "::"}, "tokens": [TOKEN]}, "that needs http.tls"),
    "gRPC open to all": ({"grpc": {"host": "0.0.0.0"}}, "grpc.host 0.0.0.0 .* needs grpc.tls; .* that needs tokens"),
    "name of the model": ({"model_name": "a/b"}, "`$.model_name`"),
    "open by name": ({"http": {"host": "node.ward.example"}, "tokens": [TOKEN]}, "that needs http.tls"),
    "authority without TLS": ({"destinations": [{**HL7, "authority": "ca.pem"}]}, "has an authority, and no tls"),
    "list": ([], "`object`, got `array`"),
}


@pytest.mark.parametrize(("told", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named(told, said):
    with pytest.raises(ConfigurationError, match=said.replace("[", r"\[").replace("$", r"\$")):
        config.decode(told, "edge.json")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.0.0.5"])
def test_this_machine_alone_needs_no_token(host):
    assert config.decode({"http": {"host": host}}, "x").http.host == host


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "edge.json: "),
        (b'{"mode": "answer", "mode": "shadow"}', "field 'mode' appears twice"),
        (b"\xff", "edge.json: "),
        (b'{"workers": "two"}', r"`int`, got `str` - at `\$.workers`"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path, content, said):
    (tmp_path / "edge.json").write_bytes(content)
    with pytest.raises(ConfigurationError, match=said):
        config.read(tmp_path / "edge.json")
    with pytest.raises(ConfigurationError, match="cannot read"):
        config.read(tmp_path / "none.json")


def test_the_schema_is_the_published_one_and_takes_what_the_reader_takes(tmp_path):
    assert config.SCHEMA_FILE.read_text() == config.schema_text(), "run make schema"
    validator = jsonschema.Draft202012Validator(json.loads(config.schema_text()))
    assert validator.is_valid({"destinations": [FILES, HL7], "tokens": [TOKEN]})
    assert not validator.is_valid({"prot": 1})
    assert not validator.is_valid({"destinations": [{"kind": "fax", "name": "x"}]})


def test_what_cannot_be_used_here_is_said_at_once(tmp_path):
    (tmp_path / "file").write_text("x")
    with socket.create_server(("127.0.0.1", 0)) as server:
        told = {
            "state": "file",
            "http": {"port": server.getsockname()[1], "tls": {"certificate": "none.pem", "key": "file"}},
            "folder": {"path": "file"},
            "destinations": [{**FILES, "folder": "file/out"}, {**HL7, "tls": True, "authority": "file"}],
        }
        with pytest.raises(ConfigurationError) as refused:
            checks.require_usable(config.decode(told, "edge.json"), tmp_path)
    said = str(refused.value)
    for part in (
        "state: ", "http: cannot listen", "http.tls: ", "folder.path: ", "destination 'disk': folder: ",
        "destination 'record': authority: ",
    ):  # fmt: skip
        assert part in said
    checks.require_usable(config.decode({"http": {"port": free()}}, "edge.json"), tmp_path)


def free():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_a_new_token_is_known_by_its_digest():
    import hashlib

    token, digest = config.new_token()
    assert hashlib.sha256(token.encode()).hexdigest() == digest
    assert config.new_token()[0] != token
    assert config.decode({"tokens": [{**TOKEN, "sha256": digest}]}, "x").tokens[0].sha256 == digest


def test_the_wards_configuration_uses_everything_that_there_is():
    told, _ = config.read(Path(__file__).with_name("ward.json"))
    kinds = {type(destination) for destination in told.destinations}
    assert kinds == set(get_args(config.Destination))
    assert None not in (told.folder, told.dicom, told.mllp, told.grpc)
