// Flags and drift, in words and pictures.

import { clock, counted, element, number, percent, table } from "./elements.js";
import { flags as flagPicture, index, shares } from "./pictures.js";

const FEW = 8;
const between = ({ since, until }) => (since === null ? "" : ` (${clock(since)} to ${clock(until)})`);

export function flags({ verdicts, titles, stated, window }) {
  const codes = Object.keys(verdicts);
  if (!codes.length) return element("p", { class: "dim" }, "Nothing was answered yet.");
  const known = new Map(stated.filter((one) => one.what === "flagged").map((one) => [one.of, one]));
  const rows = codes.map((code) => {
    const figure = known.get(code), comparable = figure && figure.here !== null;
    const share = comparable ? figure.here : verdicts[code].flagged / window.n;
    const beside = comparable ? `${percent(share)}, stated ${percent(figure.stated)}` : percent(share);
    const unusual = comparable && (share < figure.low || share > figure.high) ? " bad" : "";
    const words = element("span", { class: `number${unusual}` }, beside);
    return element("div", { class: "row" }, element("span", {}, titles[code]), words, flagPicture(share, comparable ? figure : null));
  });
  const words =
    `Share of the newest ${counted(window.n, "answer")}${between(window)} that is flagged. Where an operating point held for ` +
    "enough of them, the share is of those, the line is the share where that point was measured, and the grey band what chance " +
    "allows around it for so many answers, each of another patient. Other patients than there have other shares.";
  return [element("p", { class: "dim" }, words), element("div", { class: "rows" }, rows)];
}

export function drift({ psi, reason, reference, compared, window, wanted, stated }) {
  const parts = [];
  const first = `The reference is the first ${wanted} answers of this model here, since its contract states no distributions`;
  if (reason) {
    parts.push(element("p", {}, `No PSI yet: ${reason}.`), element("p", { class: "dim" }, `${first}.`));
  } else {
    const shifted = psi.filter((one) => one.shifted).length;
    parts.push(
      element("p", { class: shifted ? "bad" : "" }, shifted ? `${shifted} of ${psi.length} have shifted.` : `None of ${psi.length} has shifted.`),
      element("p", { class: "dim" }, `${first}${between(reference)}. Compared are the newest ${compared.n} after it${between(compared)}. A shift is a PSI above ` +
        "0.1 and above what chance exceeds once in a hundred (the mark). In the distributions bars are now, lines the reference, and the " +
        "last bin holds what was not given."),
    );
    const sorted = [...psi].sort((a, b) => b.shifted - a.shifted || b.psi / b.rare - a.psi / a.rare);
    parts.push(indices(sorted.slice(0, FEW)));
    const rest = sorted.slice(FEW), more = rest.filter((one) => one.shifted).length;
    const named = `The other ${rest.length}${more ? `, of which ${more} have shifted` : ""}`;
    if (rest.length) parts.push(element("details", { "data-key": "rest" }, element("summary", {}, named), indices(rest)));
  }
  const figures = stated.filter((one) => one.what !== "flagged");
  if (figures.length) parts.push(element("h3", {}, `The newest ${counted(window.n, "answer")} beside what the contract states`), figuresTable(figures));
  return parts;
}

const KINDS = { fact: "fact", ecg: "ECG", probability: "probability" };

const indices = (list) =>
  table(
    ["what", "kind", "PSI", "by chance", "distribution"],
    list.map((one) => [
      one.title,
      element("span", { class: "dim" }, KINDS[one.kind]),
      [index(one), element("span", { class: `number${one.shifted ? " bad" : ""}` }, one.psi.toFixed(3))],
      element("span", { class: "number" }, one.chance.toFixed(3)),
      shares(one),
    ]),
    "None.",
  );

function figuresTable(figures) {
  const few = figures.filter((one) => one.here === null);
  const share = (one) => (one.what === "median" ? number : percent);
  const unusual = (one) => one.low !== null && (one.here < one.low || one.here > one.high);
  const row = (one) => [
    one.title === one.what ? one.title : `${one.title}: ${one.what}`,
    element("span", { class: `number${unusual(one) ? " bad" : ""}` }, share(one)(one.here)),
    share(one)(one.stated),
    one.low === null ? "" : `${percent(one.low)} to ${percent(one.high)}`,
    element("span", { class: "number" }, one.stated_n === null ? String(one.n) : `${one.n}, ${one.stated_n}`),
  ];
  const heads = ["what", "here", "stated", "by chance", "answers, stated of"];
  const shown = figures.filter((one) => one.here !== null);
  const main = shown.filter((one) => one.what !== "mean probability"), means = shown.filter((one) => one.what === "mean probability");
  return element(
    "div",
    {},
    main.length ? table(heads, main.map(row), "") : null,
    means.length ? element("details", { "data-key": "means" }, element("summary", {}, `Mean probability and base rate of ${counted(means.length, "target")}`), table(heads, means.map(row), "")) : null,
    few.length ? element("p", { class: "dim" }, `${few.length} figures have too few answers for a comparison (${few[0].reason}).`) : null,
  );
}
