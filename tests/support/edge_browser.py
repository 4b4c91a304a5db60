"""Headless Chromium, driven over a pipe by its DevTools protocol: no port, no other program."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import queue
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from figures.picture import FLAGS, browser

_LONGEST_S = 30


class Browser:
    """One browser with one tab. Close it in the end."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (theirs_in, theirs_out)]
        self._process = subprocess.Popen(
            [browser(), *FLAGS, "--remote-debugging-pipe", f"--user-data-dir={self._folder.name}", "about:blank"],
            pass_fds=(3, 4),
            preexec_fn=lambda: [os.dup2(end, place) for place, end in enumerate(ends, 3)],  # where it looks for them
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in ends:
            os.close(end)
        os.close(theirs_in)
        os.close(theirs_out)
        self._answers, self._number, self._turn = queue.Queue(), 0, threading.Lock()
        self.complaints = []
        """What stood on the console: errors, warnings, and what a policy forbade."""
        self.asked = []
        """Every address that was asked."""
        threading.Thread(target=self._listen, daemon=True).start()
        target = self._tell("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._attach(target)

    def _attach(self, target):
        session = self._tell("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._tell(f"{domain}.enable", session)
        self._tell("Target.setAutoAttach", session, autoAttach=True, waitForDebuggerOnStart=False, flatten=True)
        return session

    def _listen(self):
        received = b""
        while part := os.read(self._in, 1 << 16):
            received += part
            *messages, received = received.split(b"\0")
            for message in messages:
                self._hear(json.loads(message))

    def _hear(self, told):
        if "id" in told:
            self._answers.put(told)
            return
        what, about = told["method"], told.get("params", {})
        if what == "Network.requestWillBeSent":
            self.asked.append(about["request"]["url"])
        elif what == "Runtime.exceptionThrown":
            self.complaints.append(about["exceptionDetails"].get("exception", {}).get("description", str(about)))
        elif what == "Runtime.consoleAPICalled" and about["type"] in ("error", "warning", "assert"):
            self.complaints.append(str(about["args"]))
        elif what == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"{about['entry']['text']} {about['entry'].get('url', '')}")
        elif what == "Target.attachedToTarget":  # a frame of another origin has a process of its own
            session = about["sessionId"]
            for domain in ("Runtime", "Network", "Log"):
                self._send(f"{domain}.enable", session)

    def _send(self, method, session=None, **about):
        with self._turn:
            self._number += 1
            told = {"id": self._number, "method": method, "params": about}
            if session is not None:
                told["sessionId"] = session
            os.write(self._out, json.dumps(told).encode() + b"\0")
            return told["id"]

    def _tell(self, method, session=None, **about):
        number = self._send(method, session, **about)
        while True:
            told = self._answers.get(timeout=_LONGEST_S)
            if told["id"] == number:
                assert "error" not in told, f"{method}: {told['error']}"
                return told["result"]

    def tell(self, method, **about):
        """A command of the protocol to the tab; its result."""
        return self._tell(method, self._session, **about)

    def open(self, url, width=1200, height=900, dark=False):
        """Open a page; returns once it is loaded."""
        self.resize(width, height)
        theme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.tell("Emulation.setEmulatedMedia", features=theme)
        self.tell("Page.navigate", url=url)
        self.until(f"document.readyState === 'complete' && location.href === {json.dumps(url)}")

    def resize(self, width, height=900):
        """Of the window, in pixels."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.tell("Emulation.setDeviceMetricsOverride", **size)

    def run(self, script):
        """The value of an expression."""
        told = self.tell("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def until(self, script, seconds=_LONGEST_S):
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.run(f"Boolean({script})"):
            assert time.monotonic() < end, f"it did not happen: {script}\n{self.complaints}"
            time.sleep(0.05)

    def drop(self, selector, paths):
        """Drop files onto an element, as a hand does."""
        place = f"document.querySelector({json.dumps(selector)}).getBoundingClientRect()"
        x, y = self.run(f"(({{x, y, width, height}}) => [x + width / 2, y + height / 2])({place})")
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.tell("Input.dispatchDragEvent", type=kind, x=x, y=y, data=data)

    def choose(self, selector, paths):
        """Choose files in an input, as its dialogue does."""
        root = self.tell("DOM.getDocument")["root"]["nodeId"]
        node = self.tell("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.tell("DOM.setFileInputFiles", nodeId=node, files=[str(path) for path in paths])

    def answer(self, files, facts, drop=False):
        """Have files answered with facts, as a person does on the page of a node; returns once the report is there."""
        put = self.drop if drop else self.choose
        put("#drop" if drop else "#files", files)
        names = ", ".join(Path(path).name for path in files)
        self.until(f"document.getElementById('chosen').textContent === {json.dumps(names)}")
        for name, value in facts.items():
            self.run(f"document.querySelector('[name={name}]').value = {json.dumps(str(value))}")
        self.run("document.getElementById('answer').click()")
        self.until("document.getElementById('said').textContent === 'The report is below.'")
        self.until("parseInt(document.querySelector('iframe').style.height) > 1000")

    def press(self, key, code, text=""):
        """A key."""
        for kind in ("keyDown", "keyUp"):
            about = {"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code}
            self.tell("Input.dispatchKeyEvent", **about, **({"text": text} if kind == "keyDown" and text else {}))

    def picture(self, path, width=1200, height=None):
        """The whole page, or its first `height` pixels, as PNG."""
        self.resize(width)
        size = self.tell("Page.getLayoutMetrics")["cssContentSize"]
        self.resize(width, height or max(int(size["height"]), 1))
        time.sleep(0.4)  # until it is drawn
        content = self.tell("Page.captureScreenshot", format="png")["data"]
        Path(path).write_bytes(base64.b64decode(content))

    def hosts(self):
        """Those that were asked for something."""
        return {urlsplit(url).netloc for url in self.asked if url.startswith(("http", "ws"))}

    def close(self):
        """End the browser."""
        with suppress(OSError):
            self._send("Browser.close")
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._out)
        self._folder.cleanup()


def draw_page(address, picture, width=1200, height=None, dark=False, files=(), facts=None):
    """A picture (PNG) of a node's page; with files, after they were answered there with these facts.

    Nobody but the node was asked for anything, and the console had no complaint.
    """
    page = Browser()
    try:
        page.open(address, width, dark=dark)
        page.until("document.getElementById('counts').childElementCount")
        page.until("document.getElementById('drift').childElementCount")
        if files:
            page.answer(files, facts or {})
        page.picture(picture, width, height)
        assert page.complaints == []
        assert page.hosts() == {urlsplit(address).netloc}
    finally:
        page.close()
