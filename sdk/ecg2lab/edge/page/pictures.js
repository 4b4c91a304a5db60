// Pictures, as SVG. What they show stands beside them in words, too.

import { drawn, duration, percent } from "./elements.js";

const picture = (width, height, title, ...parts) => {
  const stretched = height < 20 ? { preserveAspectRatio: "none" } : {};
  return drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title, class: "picture", ...stretched }, ...parts);
};

// How long answers took.
export function times({ bounds, counts, n }) {
  const width = 420, height = 130, floor = 100, most = Math.max(...counts, 1), step = width / counts.length;
  const bars = counts.map((count, place) => {
    const tall = (86 * count) / most;
    const label = place < bounds.length ? `to ${duration(bounds[place])}` : `above ${duration(bounds.at(-1))}`;
    const bar = { x: place * step + 2, y: floor - tall, width: step - 4, height: tall, class: "bar" };
    const middle = { x: place * step + step / 2, "text-anchor": "middle" };
    return [
      drawn("rect", bar, drawn("title", {}, `${label}: ${count}`)),
      count ? drawn("text", { ...middle, y: floor - tall - 3, class: "figure" }, String(count)) : null,
      place < bounds.length ? drawn("text", { x: (place + 1) * step, y: 113, "text-anchor": "middle" }, short(bounds[place])) : null,
    ];
  });
  const line = drawn("line", { x1: 0, x2: width, y1: floor, y2: floor, class: "axis" });
  const unit = drawn("text", { x: width / 2, y: 127, "text-anchor": "middle" }, "seconds");
  return picture(width, height, `Times of ${n} answers`, bars.flat(), line, unit);
}

const short = (seconds) => String(seconds).replace(/^0\./, ".");

// The share that is flagged, beside the one that the contract states and what chance would give around it.
export function flags(share, stated) {
  const width = 300, x = (value) => width * Math.min(value, 1);
  const parts = [drawn("rect", { x: 0, y: 3, width, height: 10, class: "ground" })];
  parts.push(drawn("rect", { x: 0, y: 3, width: x(share), height: 10, class: "flagged" }));
  if (stated) {
    if (stated.low !== null) {
      parts.push(drawn("rect", { x: x(stated.low), y: 0, width: x(stated.high) - x(stated.low), height: 16, class: "band" }));
    }
    parts.push(drawn("rect", { x: x(stated.stated) - 1, y: 0, width: 2, height: 16, class: "mark" }));
  }
  return picture(width, 16, `${percent(share)} flagged`, parts);
}

// A PSI on a scale up to 0.5, with what chance exceeds once in a hundred as a mark.
export function index({ psi, rare, shifted }) {
  const width = 120, x = (value) => width * Math.min(value / 0.5, 1);
  return picture(
    width,
    16,
    `PSI ${psi.toFixed(3)}`,
    drawn("rect", { x: 0, y: 3, width, height: 10, class: "ground" }),
    drawn("rect", { x: 0, y: 3, width: x(psi), height: 10, class: shifted ? "flagged" : "bar" }),
    drawn("rect", { x: Math.min(x(rare), width - 2), y: 0, width: 2, height: 16, class: "mark" }),
  );
}

// Two distributions over the same bins: the reference as a line, the newest answers as bars.
export function shares({ bins, reference, here, title }) {
  const width = 160, height = 36, step = width / bins.length, most = Math.max(...reference, ...here, 0.01);
  const tall = (share) => (32 * share) / most;
  const bars = here.map((share, place) =>
    drawn(
      "rect",
      { x: place * step + 1, y: 34 - tall(share), width: step - 2, height: tall(share), class: "bar" },
      drawn("title", {}, `${bins[place]}: ${percent(share)}, at first ${percent(reference[place])}`),
    ),
  );
  const lines = reference.map((share, place) => {
    const y = 34 - tall(share);
    return drawn("line", { x1: place * step, x2: (place + 1) * step, y1: y, y2: y, class: "line" });
  });
  return picture(width, height, `Distribution of ${title}`, bars, lines);
}
