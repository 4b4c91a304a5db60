"""The container: what its lines say, and what comes of them where no container engine is."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

import pytest
import trustme
from confine import settings
from confined_service import ROOT

import build_root
import healthcheck

DEPLOY = ROOT / "deploy"
FILES = [DEPLOY / "Containerfile", DEPLOY / "Containerfile.jetson"]
MOST_MB = 300


def steps(path, word):
    return [rest for stage in build_root.stages(path.read_text()) for name, rest in stage.steps if name == word]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_runs_without_rights_and_says_how_it_is(path):
    *_, last = build_root.stages(path.read_text())
    told = dict(last.steps)
    assert told["USER"] not in ("", "root", "0")
    assert json.loads(told["VOLUME"]) == [json.loads((DEPLOY / "edge.json").read_text())["state"]]
    assert "healthcheck.py" in told["HEALTHCHECK"]
    bound = {
        value.removeprefix("tcp:")
        for name, value in settings(DEPLOY / "ecg2lab-edge.service")
        if name == "SocketBindAllow"
    }
    assert set(told["EXPOSE"].split()) == bound


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_it_copies_is_there_and_reaches_the_engine(path):
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    sources = [word for rest in steps(path, "COPY") if "--from" not in rest for word in rest.split()[:-1]]
    assert sources
    for source in sources:
        assert (ROOT / source).exists()
        assert f"!{source.split('/')[0]}" in ignored


def test_that_of_a_jetson_is_the_same_but_for_tensorrt():
    plain, jetson = (path.read_text().partition("\nFROM")[2] for path in FILES)
    before, _, rest = jetson.partition("ADD https://")
    tensorrt, _, after = rest.partition("COPY --from")
    assert "libnvinfer" in tensorrt
    same = f"{before}COPY --from{after}".replace("ubuntu:24.04", "debian:trixie-slim")
    assert same.replace(" --system-site-packages", "").replace('"--backend", "tensorrt", ', "") == plain


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("RUN true\n", "RUN stands before FROM"),
        ("FROM debian:trixie-slim\nRUN true \\\n", "the last line is not ended"),
    ],
)
def test_a_file_that_is_none(text, complaint):
    with pytest.raises(build_root.ContainerfileError, match=complaint):
        build_root.stages(text)


@pytest.mark.parametrize("base", ["scratch", "debian:trixie", "ubuntu:24.04", "example.org/debian:trixie-slim"])
def test_another_base_is_refused(base, tmp_path):
    (tmp_path / "Containerfile").write_text(f"FROM {base}\n")
    with pytest.raises(build_root.ContainerfileError, match=re.escape(base)):
        build_root.Builder(tmp_path, tmp_path).build(tmp_path / "Containerfile")


@pytest.mark.parametrize("step", ["ADD a b", "COPY --chown=1 a b", "SHELL ['sh']", "ONBUILD RUN true"])
def test_what_is_not_carried_out_is_no_success(step, tmp_path):
    (tmp_path / "base-x-slim").mkdir()
    (tmp_path / "Containerfile").write_text(f"FROM debian:x-slim\n{step}\n")
    with pytest.raises(build_root.ContainerfileError, match=step.split()[0]):
        build_root.Builder(tmp_path, tmp_path).build(tmp_path / "Containerfile")


def test_files_are_copied_as_an_engine_does(tmp_path):
    (tmp_path / "base-x-slim").mkdir()
    for name in ("one", "two", "folder/three", "folder/deeper/four"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    lines = ["FROM debian:x-slim AS first", "COPY one two /to/", "COPY folder /to/folder", "COPY one /named"]
    lines += [
        "FROM debian:x-slim",
        "# a comment",
        "ENV A=1 \\",
        '    B="2 3"',
        "COPY --from=first /to /copied",
        "USER nobody",
    ]
    (tmp_path / "Containerfile").write_text("\n".join(lines) + "\n")
    image = build_root.Builder(tmp_path, tmp_path).build(tmp_path / "Containerfile")
    files = {str(path.relative_to(image.root)) for path in image.root.rglob("*") if path.is_file()}
    assert files == {"copied/one", "copied/two", "copied/folder/three", "copied/folder/deeper/four"}
    assert (tmp_path / "first" / "named").read_text() == "one"
    assert (image.environment, image.user) == ({"A": "1", "B": "2 3"}, "nobody")


@pytest.mark.parametrize("told", [{}, {"host": "0.0.0.0"}, {"host": "localhost"}])
def test_a_node_that_listens_is_healthy(told, listening, tmp_path):
    (tmp_path / "edge.json").write_text(json.dumps({"http": {**told, "port": listening().http_port}}))
    assert healthcheck.answers(tmp_path / "edge.json")


@pytest.mark.parametrize("identified", [False, True])
def test_so_is_one_with_tls(identified, listening, tmp_path):
    authority = trustme.CA()
    authority.issue_cert("node.example.org").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "node.pem"))
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    tls = {"certificate": "node.pem", "key": "node.pem", **({"clients": "authority.pem"} if identified else {})}
    server = listening(http={"tls": tls})
    (tmp_path / "edge.json").write_text(json.dumps({"http": {"port": server.http_port, "tls": tls}}))
    assert healthcheck.answers(tmp_path / "edge.json")


def test_one_that_does_not_is_not(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for told in ({"port": port}, {"port": port, "tls": {"certificate": "a", "key": "b", "clients": "c"}}):
        (tmp_path / "edge.json").write_text(json.dumps({"http": told}))
        assert not healthcheck.answers(tmp_path / "edge.json")


@pytest.mark.soak
def test_the_image_is_small_and_its_node_answers():
    absent = [name for name in ("debootstrap", "bwrap", "setpriv") if shutil.which(name) is None]
    if absent or os.geteuid() != 0:
        pytest.skip(f"not installed: {', '.join(absent)}" if absent else "needs root")
    with tempfile.TemporaryDirectory() as folder:  # more than a gigabyte
        said = subprocess.run([sys.executable, DEPLOY / "try_root.py", folder], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr[-4000:]
    answered, size, *_ = said.stdout.splitlines()
    assert re.match(r"it answered with [1-9]\d* findings and a report of [1-9]\d* kB$", answered)
    assert float(size.split()[0]) <= MOST_MB
