"""The roll-out of `docs/fleet.md`, step by step: the page's own commands, at ports that are free."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from doc_blocks import ROOT, blocks

import ecg2lab

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs" / "fleet.md"
OTHER_MODEL = ROOT / "tests" / "data" / "parity" / "bidirectional-small.ecg2lab"
READY = """
ready() {
  for attempt in $(seq 600); do
    if curl -sf "localhost:$1/v2/health/ready" >/dev/null; then return; fi
    sleep 0.1
  done
  exit 9
}
arrived() {
  for attempt in $(seq 600); do
    if [ "$(ls answers 2>/dev/null | wc -l)" -ge "$1" ]; then return; fi
    sleep 0.1
  done
  exit 8
}
"""


def free_ports(count: int) -> list[int]:
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in servers]
    for server in servers:
        server.close()
    return ports


def typed(steps: list[str], desk: Path) -> str:
    """What a shell prints that takes these steps; whatever it has started ends with it."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    (desk / "steps.sh").write_text(READY + "\n".join(steps))
    with (desk / "log").open("w") as log:
        command = ["bash", "-e", "steps.sh"]
        shell = subprocess.Popen(
            command, cwd=desk, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            code = shell.wait(120)
        finally:
            subprocess.run(["pkill", "-KILL", "-s", str(shell.pid)], check=False)
    output = (desk / "log").read_text()
    assert code == 0, output
    assert "Traceback" not in output
    return output


def test_the_roll_out_is_as_the_page_says(desk: Path) -> None:
    old_port, new_port = free_ports(2)
    start, both, watch, switch, back = [
        re.sub("8080", str(old_port), re.sub("8081", str(new_port), block.text))
        for block in blocks(PAGE)
        if block.language == "bash" and block.reason is not None
    ]
    send = f"curl -sf -F file=@record.hea -F file=@record.mat -F age=%d 'localhost:{old_port}/v1/recordings?wait' >%s"
    prepare = next(block.text for block in blocks(PAGE) if block.language == "bash")
    steps = [
        prepare.partition("mkdir")[0] + f"cp '{OTHER_MODEL}' new.ecg2lab",
        start,
        f"ready {old_port}; ready {new_port}",
        both,
        "arrived 1",
        watch.replace("\ndone", "\ndone >watched"),
        switch,
        f"ready {old_port}",
        "ls answers >after-shadow",
        send % (63, "next-63.json"),
        send % (64, "next-64.json"),
        "arrived 3",
        "ls answers >after-switch",
        back,
        f"ready {old_port}",
        send % (63, "back-63.json"),
        "kill -TERM $old; wait $old",
        "ls answers >after-back",
    ]
    typed(steps, desk)

    def said(name: str) -> dict:
        return json.loads((desk / name).read_text())

    def listed(name: str) -> set[str]:
        return set((desk / name).read_text().split())

    digests = [ecg2lab.Bundle.open(desk / f"{name}.ecg2lab").digest for name in ("old", "new")]
    by_old, by_new = said(f"answer-{old_port}.json"), said(f"answer-{new_port}.json")
    assert [said["engine"]["bundle_digest"] for said in (by_old, by_new)] == digests
    assert len(listed("after-shadow")) == 1, "what the shadow said has left it"
    for name in ("next-63.json", "next-64.json"):
        assert said(name)["engine"]["bundle_digest"] == digests[1]
    assert said("next-63.json")["findings"] == by_new["findings"]
    assert len(listed("after-switch")) == 3, "the new model's answers have not left, or not once"
    assert said("back-63.json") == by_old
    assert listed("after-back") == listed("after-switch"), "the old node has answered a second time"
    watched = (desk / "watched").read_text()
    assert watched.count('ecg2lab_recordings_total{state="answered"} 1.0') == 2
