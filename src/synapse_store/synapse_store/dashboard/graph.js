// The graph of a run, with the state of each action.

import { h, icon, s, setAttr, setText } from "./dom.js";
import { percent, shortened } from "./format.js";
import { layered, needsOf } from "./layout.js";

const HEIGHT = 46;
const APART = { along: 44, across: 16 };
const MARGIN = 6;

// Upright is for narrow screens: two nodes stand side by side on a phone.
const FLAT = { upright: false, width: 164, letters: 17 };
const UPRIGHT = { upright: true, width: 146, letters: 14 };

export function graphPart(choose) {
  const scroll = h("div", { class: "graph" });
  const element = h("section", { class: "card", "aria-labelledby": "graph-title" }, h("h2", { id: "graph-title" }, "Graph"), scroll);
  let drawn = "";
  let nodes = new Map();
  let lines = [];
  let last = null;
  let chosen = null;

  function update(state) {
    last = state;
    const names = state.progress.map((action) => action.name);
    const form = scroll.clientWidth > 0 && scroll.clientWidth < 520 ? UPRIGHT : FLAT;
    const key = JSON.stringify([names, state.needs, form]);
    if (key !== drawn) {
      drawn = key;
      draw(names, needsOf(names, state.needs), form);
    }
    const status = new Map(state.progress.map((action) => [action.name, action.status]));
    for (const action of state.progress) nodes.get(action.name).update(action, chosen === action.name);
    for (const { path, from, to } of lines) setAttr(path, "class", `edge ${edgeClass(status.get(from), status.get(to))}`);
  }

  function draw(names, needs, form) {
    const { layers, edges } = layered(names, needs);
    const { place, size } = placed(layers, form);
    nodes = new Map(names.map((name) => [name, node(name, place.get(name), form, choose)]));
    lines = edges.map((edge) => ({ path: line(edge, place, form), from: edge[0], to: edge.at(-1) }));
    const about = { width: size.x, height: size.y, viewBox: `0 0 ${size.x} ${size.y}`, role: "group", "aria-label": "Actions and what they wait for" };
    scroll.replaceChildren(s("svg", about, lines.map(({ path }) => path), [...nodes.values()].map((each) => each.element)));
  }

  const seen = new ResizeObserver(() => last && update(last));
  seen.observe(scroll);
  return {
    element,
    update,
    choose(name) {
      chosen = name;
      if (last) update(last);
    },
    close: () => seen.disconnect(),
  };
}

function edgeClass(from, to) {
  if (to === "running") return "live";
  return from === "completed" || (from === "skipped" && to === "completed") ? "done" : "";
}

/** Where each node's corner stands, and how large the whole is. */
function placed(layers, { upright, width }) {
  const along = (upright ? HEIGHT : width) + (upright ? 28 : APART.along);
  const across = (upright ? width : HEIGHT) + APART.across;
  const widest = Math.max(1, ...layers.map((layer) => layer.length));
  const place = new Map();
  layers.forEach((layer, depth) =>
    layer.forEach((node, index) => {
      const a = MARGIN + depth * along;
      const b = MARGIN + (index + (widest - layer.length) / 2) * across;
      place.set(node, upright ? { x: b, y: a } : { x: a, y: b });
    }),
  );
  const length = 2 * MARGIN + layers.length * along - (along - (upright ? HEIGHT : width));
  const breadth = 2 * MARGIN + widest * across - APART.across;
  return { place, size: upright ? { x: breadth, y: length } : { x: length, y: breadth } };
}

function line(edge, place, form) {
  const { upright } = form;
  let d = "";
  for (let step = 1; step < edge.length; step++) {
    const start = side(edge[step - 1], place, form, true);
    const end = side(edge[step], place, form, false);
    const half = upright ? (end.y - start.y) / 2 : (end.x - start.x) / 2;
    const [c, e] = upright
      ? [`${start.x} ${start.y + half}`, `${end.x} ${end.y - half}`]
      : [`${start.x + half} ${start.y}`, `${end.x - half} ${end.y}`];
    d += `${step === 1 ? `M${start.x} ${start.y}` : `L${start.x} ${start.y}`}C${c} ${e} ${end.x} ${end.y}`;
  }
  return s("path", { d, class: "edge" });
}

/** The middle of the side where an edge leaves, or comes in. */
function side(node, place, { upright, width }, leaves) {
  const { x, y } = place.get(node);
  if (upright) return { x: x + width / 2, y: leaves ? y + HEIGHT : y };
  return { x: leaves ? x + width : x, y: y + HEIGHT / 2 };
}

function node(name, { x, y }, { width, letters }, choose) {
  const symbol = s("g", { transform: "translate(12 11)" });
  const title = s("title", {}, name);
  const label = s("text", { x: 36, y: 24 }, shortened(name, letters));
  const fill = s("rect", { x: 12, y: 36, height: 3, width: 0, rx: 1.5, class: "fill" });
  const box = s("rect", { width, height: HEIGHT, rx: 9, class: "box" });
  const track = s("rect", { x: 12, y: 36, height: 3, width: width - 24, rx: 1.5, class: "track" });
  const element = s("g", { transform: `translate(${x} ${y})`, role: "button", tabindex: 0, "data-action": name }, title, box, symbol, label, track, fill);
  element.addEventListener("click", () => choose(name));
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose(name);
  });
  let said = null;

  function update(action, isChosen) {
    if (said !== action.status) symbol.replaceChildren(icon((said = action.status)));
    const share = action.status === "completed" ? 1 : action.progress;
    setAttr(fill, "width", (width - 24) * Math.min(Math.max(share, 0), 1));
    setAttr(element, "class", `node ${action.status}${isChosen ? " chosen" : ""}`);
    setAttr(element, "aria-pressed", isChosen ? "true" : "false");
    setAttr(element, "aria-label", `${name}, ${action.status}, ${percent(share)}`);
    setText(title, `${name} – ${action.status}`);
  }

  return { element, update };
}
