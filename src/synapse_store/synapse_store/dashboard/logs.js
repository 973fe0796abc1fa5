// The log: follows, filters, and draws only the lines in sight, however many there are.

import { h, setText } from "./dom.js";
import { clock } from "./format.js";

const LEVELS = ["debug", "info", "warning", "error", "critical"];
const LINE = 20;
const SPARE = 12;
const MOST = 200_000;
const LONGEST = 2_000;

export function logsPart() {
  const level = h("select", { "aria-label": "Least level" }, LEVELS.map((name) => h("option", { value: name }, name === "debug" ? "all levels" : `${name} and above`)));
  const action = h("select", { "aria-label": "Action" }, h("option", { value: "" }, "all actions"));
  const search = h("input", { type: "search", placeholder: "Search the log", "aria-label": "Search the log", "aria-keyshortcuts": "/" });
  const following = h("input", { type: "checkbox", checked: true });
  const count = h("span", { class: "count num" });
  const rows = h("div", { class: "rows" });
  const pane = h("div", { class: "log", role: "log", "aria-live": "off", "aria-label": "Log lines", tabindex: 0 }, rows);
  const tools = h("div", { class: "tools" }, level, action, search, h("label", { class: "follow" }, following, "Follow"), count);
  const element = h("section", { class: "card", "aria-labelledby": "logs-title" }, h("div", { class: "head" }, h("h2", { id: "logs-title" }, "Logs")), tools, pane);
  let lines = [];
  let shown = [];
  let dropped = 0;
  let frame = 0;
  let from = -1;
  let to = -1;

  /** Entries, in order: `{action_name, level, message, timestamp}`. */
  function add(entries) {
    for (const entry of entries) for (const line of linesOf(entry)) {
      lines.push(line);
      if (wanted(line)) shown.push(line);
    }
    if (lines.length > MOST) forget();
    if (entries.length) later();
  }

  function forget() {
    dropped += lines.length - MOST;
    lines = lines.slice(-MOST);
    filter();
  }

  function wanted(line) {
    const of = action.value;
    if (line.rank < LEVELS.indexOf(level.value)) return false;
    if (of && line.action !== of && !line.action.startsWith(`${of}[`)) return false;
    return !search.value || line.text.toLowerCase().includes(search.value.toLowerCase());
  }

  function filter() {
    shown = lines.filter(wanted);
    from = -1;
    later();
  }

  function later() {
    frame ||= requestAnimationFrame(draw);
  }

  function draw() {
    frame = 0;
    rows.style.height = `${Math.max(shown.length, 1) * LINE}px`;
    const gone = dropped ? ` · the first ${dropped.toLocaleString()} are not shown` : "";
    setText(count, `${shown.length.toLocaleString()}${shown.length === lines.length ? "" : ` of ${lines.length.toLocaleString()}`} lines${gone}`);
    if (following.checked) pane.scrollTop = pane.scrollHeight;
    const first = Math.max(Math.floor(pane.scrollTop / LINE) - SPARE, 0);
    const last = Math.min(first + Math.ceil(pane.clientHeight / LINE) + 2 * SPARE, shown.length);
    if (first === from && last === to) return;
    [from, to] = [first, last];
    rows.replaceChildren(...(shown.length ? shown.slice(first, last).map((line, place) => row(line, first + place)) : [h("p", { class: "note" }, "Nothing here.")]));
  }

  level.addEventListener("change", filter);
  action.addEventListener("change", filter);
  search.addEventListener("input", filter);
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    search.value = "";
    filter();
    pane.focus();
  });
  following.addEventListener("change", later);
  let before = 0;
  pane.addEventListener("scroll", () => {
    const atEnd = pane.scrollHeight - pane.scrollTop - pane.clientHeight < LINE;
    if (pane.scrollTop < before && !atEnd) following.checked = false;
    else if (atEnd) following.checked = true;
    before = pane.scrollTop;
    later();
  });
  const seen = new ResizeObserver(later);
  seen.observe(pane);

  return {
    element,
    add,
    /** The actions that can be chosen between. */
    name(names) {
      if (action.options.length === names.length + 1) return;
      const kept = action.value;
      action.replaceChildren(h("option", { value: "" }, "all actions"), ...names.map((each) => h("option", { value: each }, each)));
      action.value = names.includes(kept) ? kept : "";
    },
    choose(name) {
      action.value = name ?? "";
      filter();
    },
    search: () => search.focus(),
    close() {
      cancelAnimationFrame(frame);
      seen.disconnect();
    },
  };
}

/** An entry as lines of one height: a message of several lines becomes several, the first with the time. */
function linesOf(entry) {
  const rank = Math.max(LEVELS.indexOf(entry.level), 0);
  const action = entry.action_name ?? "";
  return String(entry.message).replace(/\n$/, "").split("\n").map((text, place) => ({ text, rank, action, time: place ? "" : entry.timestamp }));
}

function row(line, place) {
  const text = line.text.length > LONGEST ? `${line.text.slice(0, LONGEST)}…` : line.text;
  const level = LEVELS[line.rank];
  const element = h(
    "div",
    { class: `line ${level}` },
    h("span", { class: "time num" }, line.time ? clock(line.time) : ""),
    h("span", { class: "level" }, line.time ? level : ""),
    h("span", { class: "of" }, line.time ? line.action : ""),
    h("span", { class: "text" }, text),
  );
  element.style.top = `${place * LINE}px`;
  return element;
}
