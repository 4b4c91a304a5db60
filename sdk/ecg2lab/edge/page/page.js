// The page of an edge node: asks it every two seconds how it stands, and shows that.

import { Refusal, again, ask, askJson, forgetToken, reason, useToken } from "./ask.js";
import { drift, flags } from "./drift.js";
import { clock, counted, duration, element, find, show, table } from "./elements.js";
import { times } from "./pictures.js";

const LOOK_MS = 2000, DRIFT_MS = 10000;
const STATES = ["waiting", "answered", "refused", "set aside"];
let scopes = [];
let shownReport = null;

const may = (scope) => scopes.includes(scope);
const state = (word) => element("span", { class: `state ${word.replace("set ", "")}` }, word);

// ---- asking

function field({ name, title, unit, words }) {
  const label = unit ? `${title}, ${unit}` : title;
  const input = words.length
    ? element("select", { name }, element("option", { value: "" }, "not given"), words.map((word) => element("option", {}, word)))
    : element("input", { name, inputmode: "decimal", autocomplete: "off" });
  return element("label", {}, label, input);
}

function drawFields(facts) {
  if (find("facts").childElementCount) return;
  const first = (fact) => ["age", "sex"].includes(fact.name);
  find("facts").replaceChildren(...facts.filter(first).map(field));
  find("more").replaceChildren(...facts.filter((fact) => !first(fact)).map(field));
}

function showChosen() {
  const names = [...find("files").files].map((file) => file.name);
  find("chosen").textContent = names.join(", ");
}

function drop(event) {
  event.preventDefault();
  find("drop").classList.remove("over");
  if (!event.dataTransfer?.files.length) return;
  find("files").files = event.dataTransfer.files;
  showChosen();
}

async function answer(event) {
  event.preventDefault();
  const form = new FormData();
  for (const input of find("ask").querySelectorAll("[name]")) if (input.value.trim()) form.append(input.name, input.value.trim());
  for (const file of find("files").files) form.append("file", file, file.name);
  find("answer").disabled = true;
  say("said", "The node reads it …");
  try {
    const sent = await ask("v1/recordings?wait=30", { method: "POST", body: form });
    const id = sent.headers.get("ecg2lab-recording");
    if (id && may("read")) await openReport(id);
    else if (id) say("said", sent.ok ? "It is answered; this token does not allow to read it." : await reason(sent));
    else if (sent.status === 202) say("said", "It is taken, and will be answered: see the inbox.");
    else say("said", `Refused: ${await reason(sent)}`, true);
  } catch (error) {
    say("said", error.message, true);
  } finally {
    find("answer").disabled = false;
    look();
  }
}

function say(place, words, bad = false) {
  find(place).textContent = words;
  find(place).classList.toggle("alarm", bad);
}

// ---- a report

async function openReport(id) {
  say("said", "The report is drawn …");
  const drawn = await ask(`v1/recordings/${id}?format=html`);
  const content = await drawn.text();
  if (!drawn.headers.get("content-type").startsWith("text/html")) {
    say("said", drawn.status === 202 ? "It still waits for its answer." : JSON.parse(content).error.message, !drawn.ok);
    return;
  }
  // Without the right to scripts of the page's origin: what a report holds cannot reach the page.
  const frame = element("iframe", { title: "Report", src: "page/report.html", sandbox: "allow-scripts" });
  frame.addEventListener("load", () => frame.contentWindow.postMessage(content, "*"), { once: true });
  shownReport = frame;
  const forms = ["html", "pdf", "json", "fhir", "hl7"].map((form) =>
    element("button", { type: "button", class: "plain", click: () => save(id, form) }, form.toUpperCase()),
  );
  const close = element("button", { type: "button", class: "plain", click: closeReport }, "Close");
  find("report").replaceChildren(element("p", {}, element("code", {}, id.slice(0, 12)), " · save as ", forms, " · ", close), frame);
  find("report").hidden = false;
  say("said", "The report is below.");
}

function closeReport() {
  find("report").replaceChildren();
  find("report").hidden = true;
  shownReport = null;
  say("said", "");
}

async function save(id, form) {
  const got = await ask(`v1/recordings/${id}?format=${form}`);
  if (!got.ok) return say("said", await reason(got), true);
  const link = element("a", { href: URL.createObjectURL(await got.blob()), download: `${id}.${form === "fhir" ? "fhir.json" : form}` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

addEventListener("message", (event) => {
  if (!shownReport || event.source !== shownReport.contentWindow || !Number.isFinite(event.data)) return;
  shownReport.style.height = `${Math.min(Math.max(event.data + 4, 200), 30000)}px`;
});

// ---- what the node says

const counts = (recordings) =>
  element("dl", { class: "tiles" }, STATES.map((word) => element("div", {}, element("dt", {}, word), element("dd", {}, String(recordings[word] || 0)))));

function latest(rows) {
  const open = (row) =>
    row.state === "answered" || row.state === "refused"
      ? element("button", { class: "plain", "data-key": `report-${row.id}`, click: () => openReport(row.id).then(() => find("asking").scrollIntoView()) }, "report")
      : "";
  const heads = may("read") ? ["recording", "came", "state", "file", ""] : ["recording", "came", "state"];
  const cells = (row) => [element("code", {}, row.id.slice(0, 12)), element("span", { class: "number" }, clock(row.received)), state(row.state), ...(may("read") ? [row.name || "", open(row)] : [])];
  return table(heads, rows.map(cells), "No recording came yet.", "short");
}

function destinations(list) {
  if (!list.length) return element("p", { class: "dim" }, "None is configured: answers stay here.");
  return list.map(({ name, kind, states, oldest, trouble }) => {
    const count = (word) => element("span", { class: states[word] ? `state ${word.replace("set ", "")}` : "dim" }, `${states[word] || 0} ${word}`);
    const words = [count("queued"), " · ", count("acknowledged"), " · ", count("set aside")];
    const why = trouble?.problem ? `: ${trouble.problem}` : "";
    const last = trouble && `Not delivered after ${counted(trouble.attempts, "attempt")}${why}. Next attempt at ${clock(trouble.due)}.`;
    return element(
      "div",
      { class: "destination" },
      element("h3", {}, name, element("span", { class: "dim" }, ` ${kind}`)),
      element("div", {}, words),
      oldest === null ? null : element("div", { class: "dim" }, `The oldest that waits came ${clock(oldest)}.`),
      trouble ? element("div", { class: "bad" }, last) : null,
    );
  });
}

function setAside({ recordings, messages, total }) {
  const repeat = (path, label, key) => (may("resend") ? element("button", { "data-key": key, click: () => sendAgain(path) }, label) : "");
  const rows = recordings.map((row) => [element("code", {}, row.id.slice(0, 12)), "recording", row.problem, repeat(`v1/recordings/${row.id}/again`, "Answer again", row.id)]);
  for (const { to, id, problem } of messages) {
    const path = `v1/recordings/${id}/deliveries/${encodeURIComponent(to)}/again`;
    rows.push([element("code", {}, id.slice(0, 12)), `message to ${to}`, problem || "", repeat(path, "Send again", id + to)]);
  }
  const whole = table(["recording", "what", "why", ""], rows, "Nothing.");
  return total > rows.length ? [whole, element("p", { class: "dim" }, `The newest of ${total}.`)] : whole;
}

async function sendAgain(path) {
  try {
    const said = await again(path);
    say("repeated", `${said.id.slice(0, 12)} is ${said.state} again.`);
  } catch (error) {
    say("repeated", error.message, true);
  }
  look();
}

const problems = (list) =>
  table(
    ["where", "what", "times", "last"],
    list.map((one) => [one.where, `${one.message} (${one.type})`, String(one.times), element("span", { class: "number" }, clock(one.last))]),
    "None since the node started.",
  );

function seconds(told) {
  if (!told.n) return element("p", { class: "dim" }, "Nothing was answered yet.");
  const words = `Half of the newest ${told.n} within ${duration(told.p50)}, 95 of 100 within ${duration(told.p95)}.`;
  return [element("p", {}, words), element("div", { class: "times" }, times(told))];
}

function draw(node) {
  scopes = node.scopes;
  drawFields(node.facts);
  find("notice").textContent = node.notice;
  find("model").textContent = node.model;
  find("where").textContent =
    node.mode === "shadow" ? "Nothing leaves this node." : node.destinations.length ? "The answer goes to the destinations, as every other." : "";
  alarm(node.why_not_ready ? `Nothing is taken now: ${node.why_not_ready}.` : "");
  find("asking").hidden = !may("send");
  show("counts", node.recordings, counts);
  show("latest", node.latest, latest);
  show("destinations", node.destinations, destinations);
  const messages = node.destinations.flatMap(({ name, set_aside }) => set_aside.map((row) => ({ to: name, ...row })));
  const numbers = [node.recordings, ...node.destinations.map((one) => one.states)].map((states) => states["set aside"] || 0);
  show("aside", { recordings: node.set_aside, messages, total: numbers.reduce((a, b) => a + b) }, setAside);
  show("problems", node.problems, problems);
  show("seconds", node.seconds, seconds);
}

function alarm(words) {
  if (find("alarm").textContent !== words) find("alarm").textContent = words;
  find("alarm").hidden = !words;
}

// ---- looking again and again

async function look() {
  try {
    const node = await askJson("v1/overview");
    find("token").hidden = true;
    find("content").hidden = false;
    draw(node);
  } catch (error) {
    failed(error);
  }
}

async function lookAtDrift() {
  if (find("content").hidden) return;
  try {
    const told = await askJson("v1/drift");
    show("flags", told, flags);
    show("drift", told, drift);
  } catch (error) {
    failed(error);
  }
}

function failed(error) {
  if (!(error instanceof Refusal)) throw error;
  if (error.status === 401 || error.status === 403) {
    forgetToken();
    if (error.status === 403) alarm(`${error.message}: this page needs one that does.`);
    find("content").hidden = true;
    if (find("token").hidden) {
      find("token").hidden = false;
      find("secret").focus();
    }
    return;
  }
  alarm(`${error.message}. What is below may be old.`);
}

function every(milliseconds, work) {
  const turn = async () => {
    try {
      if (!document.hidden) await work();
    } finally {
      setTimeout(turn, milliseconds);
    }
  };
  return turn();
}

find("token").addEventListener("submit", async (event) => {
  event.preventDefault();
  useToken(find("secret").value);
  find("secret").value = "";
  alarm("");
  await look();
  if (!find("token").hidden && find("alarm").hidden) alarm("This token is not one of this node.");
  lookAtDrift();
});
find("ask").addEventListener("submit", answer);
find("files").addEventListener("change", showChosen);
find("drop").addEventListener("dragover", (event) => {
  event.preventDefault();
  find("drop").classList.add("over");
});
find("drop").addEventListener("dragleave", () => find("drop").classList.remove("over"));
find("drop").addEventListener("drop", drop);
await every(LOOK_MS, look);
every(DRIFT_MS, lookAtDrift);
