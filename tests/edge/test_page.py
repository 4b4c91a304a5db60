"""The page at `/`: what it is told, how a browser holds it apart from other pages, and that a person can use it."""

import hashlib
import re
from pathlib import Path

import pytest
from edge_browser import Browser, draw_page
from edge_peers import acknowledge, parts

from ecg2lab.edge.drift.monitor import Drift, Period, Report, Stability
from ecg2lab.edge.drift.stated import Stated
from ecg2lab.edge.inputs import page as routes
from ecg2lab.edge.overview import BOUNDS_S, _seconds
from ecg2lab.report import ecg_plot, words
from figures.picture import browser

FOLDER = Path(routes.__file__).parent.parent / "page"
FILES = sorted(path.name for path in FOLDER.iterdir() if path.name != "index.html")
FACTS = {"age": "63", "sex": "female"}


def token(name, *scopes):
    return {"name": name, "sha256": hashlib.sha256(name.encode()).hexdigest(), "scopes": list(scopes)}


def hl7(port, name="record", **more):
    quick = {"first_s": 0.05, "longest_s": 0.2, "acknowledged_s": 1}
    return {"kind": "hl7", "name": name, "host": "127.0.0.1", "port": port, "pdf": False, "retry": quick, **more}


# ---- files


def test_all_files_of_the_page_are_served_and_nothing_else(client):
    http, _ = client(start=False)
    assert sorted(routes._FILES) == FILES
    for name in FILES:
        assert http.get(f"/page/{name}").status_code == 200
    for name in ("index.html", "none.js", "../edge.schema.json", "%2e%2e%2fconfig.py", ".", "style.css%00"):
        assert http.get(f"/page/{name}").status_code in (400, 404)


@pytest.mark.parametrize("mode", ["answer", "shadow"])
def test_notice_and_mode_are_said_before_any_script_runs(client, mode):
    http, node = client(start=False, mode=mode)
    text = http.get("/").text
    assert node.engine.info.notice in text
    assert f"mode {mode}" in text
    assert ("nothing leaves this node" in text) == (mode == "shadow")
    assert "{{" not in text


def test_nothing_in_the_page_names_another_server():
    named = re.compile(r"(?:https?:)?//(?!www\.w3\.org/2000/svg)[a-z0-9]", re.I)
    for path in FOLDER.iterdir():
        text = re.sub(r"^\s*//.*$", "", path.read_text(encoding="utf-8"), flags=re.M)
        assert not named.search(text), path.name


def test_the_page_has_no_script_or_style_of_its_own_and_sets_no_markup():
    index = (FOLDER / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<style|style=|\son\w+=|<script(?![^>]*\ssrc=)", index)
    scripts = "".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.js"))
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", scripts)
    assert "localStorage" not in scripts


def test_the_colours_are_those_of_the_report():
    style = (FOLDER / "style.css").read_text(encoding="utf-8").partition("@media")[0]
    report = (Path(words.__file__).parent / "base.html.j2").read_text(encoding="utf-8")
    for name in ("ink", "dim", "line", "warn", "warn-paper"):
        (ours,), (theirs,) = (re.findall(rf"--{name}: (#\w+);", text) for text in (style, report))
        assert ours == theirs
    looks = {"flagged": words.LOOKS["flagged"].colour, "unsure": words.LOOKS["unsure"].colour, "quiet": words.QUIET_BAR}
    for name, colour in looks.items():
        assert f"--{name}: {colour};" in style
    assert f"--accent: {words.LOOKS['not flagged'].colour};" in style
    assert ecg_plot.RAISES not in style


# ---- headers

ALL = ["/", "/page/page.js", "/page/report.html", "/v1/overview", "/v1/drift", "/v1/counts", "/metrics", "/openapi"]
ALL += ["/v2/health/live", "/none", f"/v1/recordings/{'a' * 40}", "/v1/recordings", "/openapi/openapi.json"]


@pytest.mark.parametrize("headers", [{}, {"host": "evil.example"}, {"origin": "http://evil.example"}])
def test_every_answer_has_headers_that_hold_it_apart(client, headers):
    http, _ = client(start=False)
    for path in ALL:
        answer = http.get(path, headers=headers)
        assert answer.status_code in ((403, 404, 405, 421) if headers else (200, 404, 405, 503)), path
        found = answer.headers
        assert found["x-content-type-options"] == "nosniff"
        assert found["referrer-policy"] == "no-referrer"
        assert found["cross-origin-resource-policy"] == found["cross-origin-opener-policy"] == "same-origin"
        assert found["cache-control"] == "no-store"
        policy = found["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        own = path == "/page/report.html" and not headers
        assert f"frame-ancestors '{'self' if own else 'none'}'" in policy
        assert found["x-frame-options"] == ("SAMEORIGIN" if own else "DENY")
        assert all(len(found.get_list(name)) == 1 for name in found), path


def test_the_policy_of_the_page_lets_nothing_in_but_its_own_files(client):
    http, _ = client(start=False)
    policy = dict(
        part.strip().partition(" ")[::2] for part in http.get("/").headers["content-security-policy"].split(";")
    )
    assert {value for name, value in policy.items() if name.endswith("-src")} == {"'none'", "'self'"}
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"


def test_a_report_by_itself_runs_nothing(client, record):
    http, _ = client(limits={"read_s": 60, "least_free_mb": 0})
    link = f"/v1/recordings/{http.post('/v1/recordings?wait', files=parts(record)).headers['ecg2lab-recording']}"
    policy = http.get(f"{link}?format=html").headers["content-security-policy"]
    assert "sandbox;" in policy
    assert "script-src" not in policy
    assert policy.startswith("default-src 'none'")


def test_the_description_asks_no_other_server(client):
    http, _ = client(start=False)
    for path in ("/openapi", "/openapi/openapi.json"):
        assert "json" in http.get(path).headers["content-type"]
    for path in ("/openapi/swagger", "/openapi/redoc", "/openapi/scalar", "/openapi/elements"):
        assert http.get(path).status_code == 404


# ---- what it is told


def test_an_overview_says_how_the_node_stands(client, record, receiving, wait_until):
    receiver = receiving(lambda _, message: acknowledge(message, "AR", "unknown patient Miller"))
    http, node = client(destinations=[hl7(receiver.port), hl7(1, "down")])
    http.post("/v1/recordings?wait", files=parts(record), data=FACTS)
    http.post("/v1/recordings?wait&name=Miller.dcm", content=b"x", headers={"content-type": "application/dicom"})
    wait_until(lambda: http.get("/v1/overview").json()["destinations"][1]["trouble"])
    wait_until(lambda: len(http.get("/v1/overview").json()["destinations"][0]["set_aside"]) == 2)
    said = http.get("/v1/overview").json()
    assert said["recordings"] == {"answered": 1, "refused": 1}
    assert [(one["state"], one["name"]) for one in said["latest"]] == [
        ("refused", "Miller.dcm"),
        ("answered", "HR06000.hea"),
    ]
    record_, down = said["destinations"]
    assert (record_["states"], down["states"]) == ({"set aside": 2}, {"queued": 2})
    assert record_["set_aside"][0]["problem"] == "AR: unknown patient Miller"
    assert "127.0.0.1:1" in down["trouble"]["problem"]
    assert down["oldest"] == min(one["received"] for one in said["latest"])
    assert (said["seconds"]["n"], sum(said["seconds"]["counts"])) == (2, 2)
    assert said["seconds"]["p50"] <= said["seconds"]["p95"]
    assert said["notice"] == node.engine.info.notice
    assert set(said["scopes"]) == {"send", "read", "erase", "watch", "resend"}


def test_without_the_right_to_read_nothing_names_a_patient(client, receiving, wait_until):
    receiver = receiving(lambda _, message: acknowledge(message, "AR", "unknown patient Miller"))
    http, _ = client(
        destinations=[hl7(receiver.port)], tokens=[token("all", "send", "read", "watch"), token("w", "watch")]
    )
    every, watcher = ({"authorization": f"Bearer {name}"} for name in ("all", "w"))
    dicom = {"content-type": "application/dicom"}
    http.post("/v1/recordings?wait&name=Miller.dcm", content=b"x", headers={**every, **dicom})
    wait_until(lambda: http.get("/v1/overview", headers=watcher).json()["destinations"][0]["set_aside"])
    assert http.get("/v1/overview", headers=every).text.count("Miller") == 2
    seen = http.get("/v1/overview", headers=watcher)
    assert seen.json()["scopes"] == ["watch"]
    assert "Miller" not in seen.text + http.get("/v1/drift", headers=watcher).text
    assert seen.json()["latest"][0]["state"] == "refused"


def test_the_form_asks_for_the_facts_of_the_model(client):
    http, node = client(start=False)
    facts = {fact["name"]: fact for fact in http.get("/v1/overview").json()["facts"]}
    assert facts["sex"]["words"] == ["female", "male"]
    assert (facts["systolic_mmhg"]["title"], facts["systolic_mmhg"]["unit"]) == ("systolic pressure", "mmHg")
    used = set(node.engine.contract.feature_names) - {"temperature_f"} | {"temperature_c"}
    assert facts.keys() == used


def test_the_times_are_counted_in_bins_and_quantiles():
    assert _seconds([]) == {"n": 0, "p50": None, "p95": None, "bounds": BOUNDS_S, "counts": [0] * 12}
    told = _seconds([0.001] * 50 + [0.15] * 45 + [3.0] * 4 + [1000.0])
    assert told["counts"] == [50, 0, 0, 0, 45, 0, 0, 0, 4, 0, 0, 1]
    assert (told["p50"], told["p95"]) == (0.15, 3.0)


# ---- in a browser

needs_a_browser = pytest.mark.skipif(browser() is None, reason="chromium is not installed (make system-packages)")


@pytest.fixture(scope="module")
def chromium():
    opened = Browser()
    yield opened
    opened.close()


@pytest.fixture
def shown(chromium, listening):
    """`shown(field=value, …)`: a browser that shows the page of a node, and the node.

    In the end it had no complaint, and had asked nobody else.
    """
    chromium.complaints.clear()
    chromium.asked.clear()
    addresses = []

    def show(width=1200, dark=False, **fields):
        server = listening(limits={"least_free_mb": 0, "read_s": 60}, **fields)
        addresses.append(f"127.0.0.1:{server.http_port}")
        chromium.open(f"http://{addresses[0]}/", width, dark=dark)
        chromium.until(
            "document.getElementById('latest').childElementCount || !document.getElementById('token').hidden"
        )
        return chromium, server.node

    yield show
    chromium.open("about:blank")
    assert chromium.complaints == []
    assert chromium.hosts() == set(addresses)


def drifted(number):
    return Stability(
        kind="probability",
        of=f"t{number}",
        title=f"A laboratory value > {number} mmol/L, within 120 min",
        psi=0.06 * number,
        chance=0.02,
        rare=0.05,
        shifted=number >= 15,
        bins=tuple(f"to {place}" for place in range(11)),
        reference=(0.1,) * 10 + (0.0,),
        here=(0.0,) * 10 + (1.0,),
    )


def figure(what, number):
    bounds = {"low": 0.01, "high": 0.4} if what != "median" else {}
    title = f"A laboratory value > {number} mmol/L, within 120 min"
    return Stated(what=what, of=f"t{number}", title=title, n=1000, stated=0.2, stated_n=1200, here=0.5, **bounds)


SHIFTED = Report(
    window=Period(1000, 1e9, 1.1e9),
    compared=Period(1000, 1e9, 1.1e9),
    reference=Period(1000, 0.9e9, 1e9),
    wanted=1000,
    reason=None,
    psi=tuple(drifted(number) for number in range(20)),
    stated=tuple(
        figure(what, number)
        for number in range(20)
        for what in ("flagged", "mean probability", "outside experience", "median")
    ),
    verdicts={f"t{number}": {"flagged": 400} for number in range(20)},
    titles={f"t{number}": f"A laboratory value > {number} mmol/L, within 120 min" for number in range(20)},
)
"""What a node may say of drift, to be drawn."""

SAID = "document.getElementById('said').textContent"


@pytest.mark.system
@needs_a_browser
@pytest.mark.parametrize("width", [1200, 400])
def test_files_are_dropped_and_the_report_is_seen(shown, data_folder, tmp_path, width):
    page, node = shown(width)
    files = [data_folder / "HR06000.hea", data_folder / "HR06000.mat"]
    page.answer(files, {"age": 63, "sex": "female"}, drop=True)
    page.picture(tmp_path / "report.png", width)
    kept = node.ledger.kept(1)
    assert kept.facts == {"age": 63.0, "sex": "female"}
    assert page.run("document.documentElement.scrollWidth") <= width
    assert share_of(tmp_path / "report.png", "#fffafa") > 0.02, "the paper of the ECG"


def share_of(picture, colour):
    from matplotlib.image import imread

    pixels = imread(picture)[..., :3]
    return (abs(pixels - [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]).max(axis=-1) < 0.02).mean()


@pytest.mark.system
@needs_a_browser
def test_a_picture_of_it_is_drawn(listening, data_folder, tmp_path):
    server = listening(limits={"least_free_mb": 0, "read_s": 60})
    draw_page(
        f"http://127.0.0.1:{server.http_port}/",
        tmp_path / "page.png",
        1200,
        900,
        files=[*data_folder.glob("HR06000.*")],
    )
    assert share_of(tmp_path / "page.png", "#fff4d6") > 0.01, "the notice"


@pytest.mark.system
@needs_a_browser
def test_the_keyboard_does_it_too(shown, data_folder):
    page, _ = shown()
    page.choose("#files", [data_folder / "HR06000.hea", data_folder / "HR06000.mat"])
    page.run("document.getElementById('files').focus()")
    reached = [page.run("document.activeElement.id || document.activeElement.name || document.activeElement.localName")]
    while reached[-1] != "answer" and len(reached) < 10:
        page.press("Tab", 9)
        reached.append(
            page.run("document.activeElement.id || document.activeElement.name || document.activeElement.localName")
        )
    assert reached == ["files", "age", "sex", "summary", "answer"]
    page.press("Enter", 13, "\r")
    page.until(f"{SAID} === 'The report is below.'")


@pytest.mark.system
@needs_a_browser
@pytest.mark.parametrize("width", [320, 400, 800, 1200])
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_cut_off_and_everything_has_a_name(shown, receiving, record, wait_until, monkeypatch, width, dark):
    monkeypatch.setattr(Drift, "report", lambda _: SHIFTED)
    receiver = receiving(lambda _, message: acknowledge(message, "AR", "unknown" * 20))
    page, node = shown(width, dark, destinations=[hl7(receiver.port), hl7(1, "archive-that-is-down")])
    node.problems.count("folder", PermissionError(13, "Permission denied"))
    accepted = node.accept(record, {}, origin="test", sender="cart")
    wait_until(
        lambda: sorted(one["state"] for one in node.ledger.deliveries(accepted.number)) == ["queued", "set aside"]
    )
    page.until("document.querySelector('#aside button') && document.querySelector('#problems table')")
    page.until("document.getElementById('drift').innerText.startsWith('5 of 20 have shifted.')")
    assert page.run("document.querySelectorAll('#flags svg').length") == 20
    page.run("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert page.run("document.documentElement.scrollWidth") <= width
    wide = "x => x.clientWidth && x.scrollWidth > x.clientWidth + 1 && !x.closest('thead')"
    cut = f"[...document.querySelectorAll('main *')].filter({wide}).map(x => x.id || x.localName).join(' ')"
    assert page.run(cut) == ""
    nameless = """[...document.querySelectorAll('input, select, button, iframe, svg')].filter(x =>
        !(x.labels?.length || x.textContent.trim() || x.title || x.getAttribute('aria-label'))).length"""
    assert page.run(nameless) == 0


@pytest.mark.system
@needs_a_browser
def test_a_message_is_sent_again_by_its_button(shown, receiving, record, wait_until):
    receiver = receiving(lambda count, message: acknowledge(message, "AR" if count == 1 else "AA"))
    page, node = shown(destinations=[hl7(receiver.port)])
    node.accept(record, {}, origin="test", sender="cart")
    page.until("document.querySelector('#aside button')")
    page.run("document.querySelector('#aside button').click()")
    page.until("document.getElementById('repeated').textContent.endsWith('is queued again.')")
    page.until("document.getElementById('aside').textContent === 'Nothing.'")
    assert receiver.messages[0] == receiver.messages[1]


@pytest.mark.system
@needs_a_browser
def test_where_there_are_tokens_it_asks_for_one_and_puts_it_into_no_address(chromium, listening, record):
    chromium.asked.clear()
    tokens = [token("s3cret", "watch"), token("cart", "send")]
    server = listening(tokens=tokens, limits={"least_free_mb": 0})
    chromium.open(f"http://127.0.0.1:{server.http_port}/")
    chromium.until("!document.getElementById('token').hidden")
    assert chromium.run("document.getElementById('content').hidden && document.activeElement.id === 'secret'")
    assert server.node.engine.info.notice in chromium.run("document.body.innerText").lower()
    enter = "document.getElementById('secret').value = '{}'; document.querySelector('#token button').click()"
    chromium.run(enter.format("wrong"))
    chromium.until("document.getElementById('alarm').textContent === 'This token is not one of this node.'")
    chromium.run(enter.format("cart"))
    chromium.until("document.getElementById('alarm').textContent.startsWith('this token does not allow to watch')")
    chromium.run(enter.format("s3cret"))
    chromium.until("!document.getElementById('content').hidden && document.getElementById('latest').childElementCount")
    assert chromium.run("document.getElementById('asking').hidden"), "this token may not send"
    assert not any("s3cret" in url for url in chromium.asked)
    assert chromium.run("document.cookie") == ""
    chromium.open("about:blank")
    complaints = [told for told in chromium.complaints if "401" not in told and "403" not in told]
    assert complaints == []
    chromium.complaints.clear()


@pytest.mark.system
@needs_a_browser
def test_what_a_report_holds_runs_nothing_and_reaches_nothing(shown, monkeypatch):
    """As if a report were written by an enemy: in the frame no script runs, and the page is out of reach."""
    page, _ = shown()
    page.run(
        """(async () => {
        window.reached = [];
        const frame = document.createElement('iframe');
        frame.src = 'page/report.html'; frame.sandbox = 'allow-scripts';
        document.body.append(frame);
        frame.scrollIntoView();
        await new Promise(done => frame.onload = done);
        addEventListener('message', event => window.reached.push(event.data));
        window.inside = frame.contentDocument;
        frame.contentWindow.postMessage('<p id=x>hello</p><script>parent.postMessage("ran", "*")</' +
          'script><img src=x onerror="parent.postMessage(`ran`, `*`)">' +
          '<svg onload="parent.postMessage(`ran`, `*`)">', '*');
        await new Promise(done => setTimeout(done, 1000));
        frame.remove();
        })()"""
    )
    assert page.run("window.inside") is None
    reached = page.run("window.reached")
    assert "ran" not in reached
    assert [told for told in reached if isinstance(told, int)], "it was shown"
    forbidden = [told for told in page.complaints if "Content Security Policy" in told]
    assert forbidden == page.complaints
    page.complaints.clear()
    page.asked[:] = [url for url in page.asked if not url.endswith("/page/x")]


@pytest.mark.system
@needs_a_browser
def test_a_node_that_is_gone_is_said_and_found_again(chromium, listening, record):
    server = listening(limits={"least_free_mb": 0})
    chromium.open(f"http://127.0.0.1:{server.http_port}/")
    chromium.until("document.getElementById('latest').childElementCount")
    server.close()
    chromium.until("document.getElementById('alarm').textContent.startsWith('the node cannot be reached')")
    chromium.open("about:blank")
    chromium.complaints.clear()
