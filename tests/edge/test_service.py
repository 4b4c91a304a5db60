"""The unit of systemd: what it forbids, and that the node does its work under it."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from confine import settings
from confined_service import ROOT, USER, Confined, missing

from ecg2lab.demo import bundle_path, record_path
from ecg2lab.edge import config

DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "ecg2lab-edge.service"
MOST_EXPOSED = 2.0

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")


def test_the_configuration_that_is_installed_keeps_all_in_the_folders_of_the_unit():
    configuration, _ = config.read(DEPLOY / "edge.json")
    told = dict(settings(UNIT))
    assert configuration.state == f"/var/lib/{told['StateDirectory']}"
    assert told["ReadWritePaths"] == f"-{configuration.folder.path}"


def test_the_ports_of_the_unit_are_the_defaults():
    ports = {int(value.removeprefix("tcp:")) for name, value in settings(UNIT) if name == "SocketBindAllow"}
    of = config.Configuration().http, config.Grpc(), config.Mllp(), config.Dicom()
    assert ports == {each.port for each in of}


def test_it_is_given_longer_to_stop_than_work_may_take():
    assert int(dict(settings(UNIT))["TimeoutStopSec"]) > config.Limits().read_s


@pytest.mark.system
@needs_systemd
@pytest.mark.parametrize("site", [False, True])
def test_little_is_exposed(site, tmp_path):
    shutil.copy(UNIT, tmp_path)
    if site:
        (tmp_path / f"{UNIT.name}.d").mkdir()
        shutil.copy(DEPLOY / "site.conf", tmp_path / f"{UNIT.name}.d")
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(tmp_path / UNIT.name)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    (exposed,) = re.findall(r"exposure level for ecg2lab-edge.service: ([0-9.]+)", said.stdout)
    assert float(exposed) <= MOST_EXPOSED


@pytest.mark.system
@needs_systemd
def test_systemd_understands_every_line(tmp_path):
    text = UNIT.read_text().replace("/opt/ecg2lab/bin/ecg2lab", "/bin/true")  # a program that is here
    (tmp_path / UNIT.name).write_text(text)
    (tmp_path / f"{UNIT.name}.d").mkdir()
    shutil.copy(DEPLOY / "site.conf", tmp_path / f"{UNIT.name}.d")
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / UNIT.name)], capture_output=True, text=True
    )
    ours = [line for line in (said.stdout + said.stderr).splitlines() if "ecg2lab" in line]
    assert (said.returncode, ours) == (0, [])


@pytest.mark.system
@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="systemd is not installed")
def test_its_user_and_the_folder_of_the_carts_are_made(tmp_path):
    (tmp_path / "etc").mkdir()
    for program, name in (("systemd-sysusers", "sysusers"), ("systemd-tmpfiles", "tmpfiles")):
        options = ["--create"] if name == "tmpfiles" else []
        subprocess.run([program, *options, f"--root={tmp_path}", str(DEPLOY / f"{name}.conf")], check=True)
    assert "ecg2lab:" in (tmp_path / "etc" / "passwd").read_text()
    assert (tmp_path / "srv" / "carts").stat().st_mode & 0o7777 == 0o2770


@pytest.fixture
def service(tmp_path):
    if (reason := missing()) is not None:
        pytest.skip(reason)
    tmp_path.chmod(0o755)
    confined = Confined(UNIT, tmp_path)
    shutil.copy(bundle_path(), tmp_path / "etc" / "model.ecg2lab")
    told = json.loads((DEPLOY / "edge.json").read_text())
    told |= {"limits": {"least_free_mb": 0}, "grpc": {}, "mllp": {}, "dicom": {}}
    (tmp_path / "etc" / "edge.json").write_text(json.dumps(told))
    yield confined
    confined.close()


ASK = """
import json, socket, sys, urllib.request
import grpc
header, url = sys.argv[1], "http://127.0.0.1:8080"
parts = b""
for name in (header, header[:-4] + ".mat"):
    head = '--x\\r\\nContent-Disposition: form-data; name="file"; filename="%s"\\r\\n\\r\\n' % name.rpartition("/")[2]
    parts += head.encode() + open(name, "rb").read() + b"\\r\\n"
kind = {"content-type": "multipart/form-data; boundary=x"}
asked = urllib.request.Request(url + "/v1/recordings?wait", parts + b"--x--\\r\\n", kind)
with urllib.request.urlopen(asked) as answer:
    told, number = json.load(answer), answer.headers["ecg2lab-recording"]
pdf = urllib.request.urlopen(url + "/v1/recordings/" + number + "?format=pdf").read()
for port in (2575, 11112):
    socket.create_connection(("127.0.0.1", port)).close()
with grpc.insecure_channel("127.0.0.1:8001") as channel:
    grpc.channel_ready_future(channel).result(20)
print(json.dumps([told, pdf[:5].decode()]))
"""
PROBE = """
import ctypes, json, mmap, os, socket, sys
from pathlib import Path

library = ctypes.CDLL(None, use_errno=True)

def called(name, *given):
    if getattr(library, name)(*given):
        raise OSError(ctypes.get_errno(), name)

def written(path):
    Path(path).write_text("x")

def executed(path):
    Path(path).write_text("#!/bin/sh")
    Path(path).chmod(0o700)
    os.execv(path, [path])

def made_executable():
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(page))
    called("mprotect", ctypes.c_void_p(start), 4096, mmap.PROT_READ | mmap.PROT_EXEC)

answers = {}
for how in json.loads(sys.argv[1]):
    try:
        eval(how)
        answers[how] = 0
    except OSError as error:
        answers[how] = error.errno
print(json.dumps(answers))
"""
ANSWERS = {
    "written('state')": 0,
    "written('/srv/carts/x')": 0,
    "written('/tmp/x')": 0,
    "written('/dev/shm/x')": 0,
    **{f"written('{place}/x')": errno.EROFS for place in ("", "/etc", "/usr", "/opt", "/var/lib", "/run", ROOT)},
    "written('/proc/sys/kernel/hostname')": errno.ENOENT,
    "executed('./program')": errno.EACCES,
    "executed('/tmp/program')": errno.EACCES,
    "mmap.mmap(-1, 4096, prot=7)": errno.EPERM,
    "made_executable()": errno.EPERM,
    "os.chown('.', 0, 0)": errno.EPERM,
    "called('unshare', 0x10000000)": errno.EPERM,
    "os.nice(1)": errno.EPERM,
    "socket.socket(socket.AF_INET)": 0,
    "socket.socket(socket.AF_NETLINK)": errno.EAFNOSUPPORT,
    "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)": errno.EAFNOSUPPORT,
    "socket.create_connection(('192.0.2.1', 80), 5)": errno.ENETUNREACH,
    "os.kill(1, 9)": errno.EPERM,
    "open('/proc/1/environ')": errno.ENOENT,
}
"""What a program is told that tries; 0: it is done."""


@pytest.mark.system
def test_what_the_unit_forbids_is_refused_here(service):
    said = service.run(sys.executable, "-W", "ignore", "-c", PROBE, json.dumps(list(ANSWERS)))
    assert json.loads(said) == ANSWERS


@pytest.mark.system
def test_the_node_works_under_what_the_unit_forbids(service, tmp_path, wait_until):
    service.start()
    told, pdf = json.loads(service.within(sys.executable, "-c", ASK, str(record_path())))
    assert told["findings"]
    assert pdf == "%PDF-"

    for suffix in (".mat", ".hea"):  # from the folder, too
        shutil.copy(record_path().with_suffix(suffix), tmp_path / "carts")
        os.chown(tmp_path / "carts" / record_path().with_suffix(suffix).name, USER, USER)
    wait_until(lambda: len(list(tmp_path.glob("carts/taken/*"))) == 2)

    status = Path(f"/proc/{service.pid}/status").read_text()
    assert re.findall(r"^(?:CapPrm|CapEff|CapBnd|CapAmb):\s*(\w+)", status, re.M) == ["0" * 16] * 4
    assert re.search(r"^Uid:(\s+64321){4}$", status, re.M)
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.M)
    inside = Path(f"/proc/{service.pid}/root")
    assert [path for path in (inside / "tmp").rglob("*") if path.is_file()] == []
    shared = {path.stat().st_uid for path in (inside / "dev" / "shm").iterdir()}
    assert shared == {USER}  # samples of recordings: not through a pipe
    wait_until(lambda: "WATCHDOG=1" in service.manager.said())
    service.stop()
    assert {*service.manager.said()} == {"READY=1", "WATCHDOG=1", "STOPPING=1"}
    assert {pid for _, pid in service.manager.heard} == {service.pid}
    assert "Traceback" not in service.log()
    assert all(path.stat().st_uid == USER and not path.stat().st_mode & 0o077 for path in tmp_path.glob("state/**/*"))
