// Metrics over time: a small plot for each series, which grows while the run goes on.

import { get } from "./api.js";
import { h, s, setAttr, setText } from "./dom.js";
import { duration, micros, number } from "./format.js";

const POINTS = 500;
const MOST = 4000;
const SLACK = 2; // microseconds: the service goes by way of a float
const WIDTH = 320;
const HEIGHT = 96;

export function plotsPart(runId) {
  const grid = h("div", { class: "plots" });
  const none = h("p", { class: "note", hidden: true });
  const element = h("section", { class: "card", "aria-labelledby": "metrics-title", hidden: true }, h("h2", { id: "metrics-title" }, "Metrics"), grid, none);
  const plots = new Map();
  const stale = new Set();
  let chosen = null;
  let frame = 0;

  function plotOf(action, category, name) {
    const key = JSON.stringify([action, category, name]);
    if (!plots.has(key)) {
      const made = plot(action, category, name);
      plots.set(key, made);
      grid.append(made.element);
      element.hidden = false;
      show(made);
      tellNone();
    }
    return plots.get(key);
  }

  function show(each) {
    each.element.hidden = chosen !== null && each.action !== chosen && !String(each.action).startsWith(`${chosen}[`);
  }

  function tellNone() {
    none.hidden = [...plots.values()].some((each) => !each.element.hidden);
    setText(none, `${chosen} has measured nothing.`);
  }

  function draw(each) {
    stale.add(each);
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      for (const one of stale) one.draw();
      stale.clear();
    });
  }

  return {
    element,
    /** The history, thinned by the service. */
    async load() {
      for (const series of await get(`/runs/${runId}/metrics`, { points: POINTS })) {
        const each = plotOf(series.action, series.category, series.name);
        each.points = series.points.filter(([, value]) => Number.isFinite(value)).map(([at, value]) => [micros(at), value]);
        each.until = each.points.at(-1)?.[0] ?? -Infinity;
        draw(each);
      }
    },
    /** One event of metrics; what the history had already is left out. */
    take(event) {
      const at = micros(event.time);
      for (const [name, value] of Object.entries(event.payload?.metrics ?? {})) {
        if (typeof value !== "number") continue;
        const each = plotOf(event.action, event.payload.category ?? null, name);
        if (at <= each.until + SLACK) continue;
        each.add(at, value);
        draw(each);
      }
    },
    choose(name) {
      chosen = name;
      plots.forEach(show);
      tellNone();
    },
    close: () => cancelAnimationFrame(frame),
  };
}

function plot(action, category, name) {
  const line = s("path", { class: "line", "vector-effect": "non-scaling-stroke" });
  const area = s("path", { class: "area" });
  const mark = s("line", { class: "mark", y1: 0, y2: HEIGHT, "vector-effect": "non-scaling-stroke", visibility: "hidden" });
  const svg = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" }, area, line, mark);
  const now = h("output", { class: "now num" });
  const [high, low, start, end] = ["high", "low", "start", "end"].map((where) => h("span", { class: `${where} num` }));
  const title = h("figcaption", {}, h("span", { class: "name" }, category ? `${category}/${name}` : name), h("span", { class: "of" }, action ?? ""), now);
  const element = h("figure", { class: "plot", "data-metric": name }, title, h("div", { class: "field" }, h("div", { class: "scale" }, high, low), svg), h("div", { class: "axis" }, start, end));
  const own = { element, action, points: [], until: -Infinity, add, draw };
  let bounds = null;

  function add(at, value) {
    own.points.push([at, value]);
    if (own.points.length > MOST) own.points = own.points.filter((_, place) => place % 2 === 1 || place === 0);
  }

  function draw() {
    const { points } = own;
    if (!points.length) return;
    bounds = boundsOf(points);
    const d = points.map((point, place) => `${place ? "L" : "M"}${xOf(point[0])} ${yOf(point[1])}`).join("");
    setAttr(line, "d", points.length > 1 ? d : `${d}h1`);
    setAttr(area, "d", `${d}L${xOf(points.at(-1)[0])} ${HEIGHT}L${xOf(points[0][0])} ${HEIGHT}Z`);
    setText(high, number(bounds.high));
    setText(low, bounds.high === bounds.low ? "" : number(bounds.low));
    setText(end, duration((bounds.last - bounds.first) / 1e6));
    setText(start, "0");
    setText(now, number(points.at(-1)[1]));
    setAttr(svg, "aria-label", `${name} of ${action ?? "the run"}: now ${number(points.at(-1)[1])}, from ${number(bounds.low)} to ${number(bounds.high)}`);
  }

  function xOf(at) {
    return (((at - bounds.first) / (bounds.last - bounds.first || 1)) * WIDTH).toFixed(2);
  }

  function yOf(value) {
    const spread = bounds.high - bounds.low;
    return (spread ? HEIGHT - 4 - ((value - bounds.low) / spread) * (HEIGHT - 8) : HEIGHT / 2).toFixed(2);
  }

  svg.addEventListener("pointermove", (event) => {
    if (!bounds) return;
    const box = svg.getBoundingClientRect();
    const at = bounds.first + ((event.clientX - box.left) / box.width) * (bounds.last - bounds.first);
    const point = nearest(own.points, at);
    for (const end of ["x1", "x2"]) setAttr(mark, end, xOf(point[0]));
    setAttr(mark, "visibility", "visible");
    setText(now, `${number(point[1])} at ${duration((point[0] - bounds.first) / 1e6)}`);
  });
  svg.addEventListener("pointerleave", () => {
    setAttr(mark, "visibility", "hidden");
    if (bounds) setText(now, number(own.points.at(-1)[1]));
  });
  return own;
}

function boundsOf(points) {
  let [low, high] = [Infinity, -Infinity];
  for (const [, value] of points) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { first: points[0][0], last: points.at(-1)[0], low, high };
}

function nearest(points, at) {
  let [from, to] = [0, points.length - 1];
  while (to - from > 1) {
    const half = (from + to) >> 1;
    if (points[half][0] < at) from = half;
    else to = half;
  }
  return at - points[from][0] < points[to][0] - at ? points[from] : points[to];
}
