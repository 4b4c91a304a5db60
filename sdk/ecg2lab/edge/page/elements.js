// Parts of the page. Text is always set as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

const make = (node, attributes, children) => {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== false && value !== undefined && value !== null) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
};

export const element = (tag, attributes = {}, ...children) => make(document.createElement(tag), attributes, children);
export const drawn = (tag, attributes = {}, ...children) =>
  make(document.createElementNS(SVG, tag), attributes, children);
export const find = (id) => document.getElementById(id);

const shown = new Map();

// Draws a part anew where what it shows has changed, and leaves the keyboard where it was.
export function show(id, what, draw) {
  const text = JSON.stringify(what);
  if (shown.get(id) === text) return;
  shown.set(id, text);
  const place = find(id);
  const key = place.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  const open = new Set([...place.querySelectorAll("details[open]")].map((part) => part.dataset.key));
  place.replaceChildren(...[draw(what)].flat().filter((part) => part !== null));
  for (const part of place.querySelectorAll("details")) if (open.has(part.dataset.key)) part.open = true;
  if (key) [...place.querySelectorAll("[data-key]")].find((part) => part.dataset.key === key)?.focus();
}

// Where a screen is narrow, cells stand below each other with their heads, or in `short` tables beside each other.
export function table(heads, rows, empty, kind = "") {
  if (!rows.length) return element("p", { class: "dim" }, empty);
  const head = element("tr", {}, heads.map((name) => element("th", { scope: "col" }, name)));
  const cells = (row) => row.map((cell, place) => element("td", { "data-head": heads[place] }, cell));
  const body = rows.map((row) => element("tr", {}, cells(row)));
  return element("table", { class: kind }, element("thead", {}, head), element("tbody", {}, body));
}

// A time, with its date where that is not today's.
export function clock(seconds) {
  if (seconds === null) return "";
  const time = new Date(seconds * 1000), today = time.toDateString() === new Date().toDateString();
  const day = today ? {} : { year: "numeric", month: "2-digit", day: "2-digit" };
  return time.toLocaleString([], { ...day, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
}

export const percent = (share) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;

export function duration(seconds) {
  if (seconds === null) return "–";
  if (seconds < 1) return `${Math.round(1000 * seconds)} ms`;
  return seconds < 120 ? `${seconds.toPrecision(2)} s` : `${Math.round(seconds / 60)} min`;
}

export const number = (value) => String(Number(value.toPrecision(3)));
export const counted = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;
