// The list of runs: live, by status, by name or id, page by page.

import { follow, getPage } from "./api.js";
import { announce, bar, h, icon, pill, setAttr, setText } from "./dom.js";
import { ago, moment, percent, span } from "./format.js";

const PAGE = 50;
const POLL = 4000;
const STATUSES = ["", "running", "pending", "completed", "failed", "cancelled"];

export function listView(main, query, tellLink) {
  document.title = "Runs · Synapse";
  const rows = new Map();
  const wanted = { status: query.get("status") ?? "", text: query.get("q") ?? "" };
  let cursor = null;
  let asked = 0;
  let busy = 0;
  let loaded = false;
  let closed = false;
  let cameFrom = null; // the run that one comes back from: its line is where one was

  const filters = h("div", { class: "filters", role: "group", "aria-label": "Status" }, STATUSES.map(filter));
  const field = h("input", { type: "search", placeholder: "Search by name or id", "aria-label": "Search runs by name or id", "aria-keyshortcuts": "/" });
  field.value = wanted.text;
  const list = h("ul", { class: "runs", "aria-label": "Runs" });
  const note = h("p", { class: "note", role: "status" }, "Loading…");
  const more = h("button", { type: "button", class: "more", hidden: true, onclick: () => load(cursor) }, "Older runs");
  main.append(h("div", { class: "bar-of-list" }, h("h1", {}, "Runs"), filters, field), list, note, more);

  function filter(status) {
    const about = status ? [icon(status), status] : ["all"];
    return h("button", { type: "button", "data-status": status, "aria-pressed": String(status === wanted.status), onclick: () => choose(status) }, about);
  }

  function choose(status) {
    wanted.status = status;
    for (const button of filters.children) setAttr(button, "aria-pressed", String(button.dataset.status === status));
    again();
  }

  function again() {
    const text = new URLSearchParams(Object.entries({ status: wanted.status, q: wanted.text }).filter(([, value]) => value)).toString();
    history.replaceState(null, "", text ? `#/?${text}` : "#/");
    for (const row of rows.values()) row.element.remove();
    rows.clear();
    loaded = false;
    load(null);
  }

  /** A page of older runs, or the newest ones; to `look` is to see what is new, while nothing else is asked. */
  async function load(from, look = false) {
    if (look && busy) return;
    const turn = ++asked;
    const isNew = look && loaded;
    busy++;
    try {
      const found = await fetchPage({ ...wanted }, from, () => !isNew && !closed && turn === asked);
      if (closed || turn !== asked) return;
      for (const run of found.data) put(run);
      if (isNew && !wanted.text) forget(found.data, found.cursor);
      if (!isNew) cursor = found.cursor;
      loaded = true;
      order();
    } catch (error) {
      if (!closed && turn === asked && rows.size === 0) setText(note, error.message);
    } finally {
      busy--;
    }
  }

  /** What the newest page ought to have and has not is gone, or is in another status now. */
  function forget(page, next) {
    const there = new Set(page.map((run) => run.id));
    for (const [id, row] of rows) {
      if (there.has(id) || (next !== null && id < next)) continue;
      row.element.remove();
      rows.delete(id);
    }
  }

  function put(run) {
    if (!matches(run, wanted)) {
      rows.get(run.id)?.element.remove();
      rows.delete(run.id);
      return;
    }
    const known = rows.get(run.id);
    if (known) known.update(run);
    else rows.set(run.id, runRow(run));
  }

  function order() {
    const sorted = [...rows.keys()].sort((a, b) => (a < b ? 1 : -1));
    sorted.forEach((id, place) => {
      const element = rows.get(id).element;
      if (list.children[place] !== element) list.insertBefore(element, list.children[place] ?? null);
    });
    more.hidden = cursor === null;
    setText(note, rows.size ? "" : emptyNote(wanted));
    if (cameFrom && document.activeElement === main) list.querySelector(`a[href="#${CSS.escape(cameFrom)}"]`)?.focus();
    cameFrom = null;
  }

  // The stream tells how runs go on; what is no longer wanted stays until the next look, so that nothing jumps away.
  const stream = follow("/stream", { status: "running" }, {
    onLink: (stands) => tellLink(stands),
    onState: (state, event) => {
      const run = { ...state, id: state.run_id };
      const row = rows.get(run.id);
      if (row) row.update(run);
      else {
        put(run);
        order();
      }
      if (event !== "progress") announce(`${state.name || "A run"} ${event}`);
    },
  });
  const poll = setInterval(() => document.hidden || load(null, true), POLL);
  const tick = setInterval(() => rows.forEach((row) => row.tick()), 1000);

  let typed = 0;
  field.addEventListener("input", () => {
    clearTimeout(typed);
    typed = setTimeout(() => {
      wanted.text = field.value.trim();
      again();
    }, 200);
  });
  function clear() {
    clearTimeout(typed);
    field.value = wanted.text = "";
    again();
  }
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") step(event, 0);
    if (event.key !== "Escape") return;
    event.preventDefault(); // some browsers clear the field themselves, and not all of them tell
    if (field.value) clear();
    else list.querySelector("a")?.focus();
  });
  list.addEventListener("keydown", (event) => {
    const links = [...list.querySelectorAll("a")];
    const at = links.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[event.key];
    if (to === -1) field.focus();
    else if (to !== undefined) step(event, to);
  });

  function step(event, place) {
    const links = list.querySelectorAll("a");
    event.preventDefault();
    links[Math.min(place, links.length - 1)]?.focus();
  }

  load(null);
  return {
    close() {
      closed = true;
      stream.close();
      clearInterval(poll);
      clearInterval(tick);
      clearTimeout(typed);
    },
    focus(from) {
      cameFrom = from;
      main.focus();
    },
    search: () => field.focus(),
    escape: () => wanted.text && clear(),
  };
}

/** A page of runs. A search of many runs is answered in parts: it goes on until the page is full, or `goesOn()` is not. */
async function fetchPage(wanted, from, goesOn) {
  const query = { view: "summary", status_filter: wanted.status, search: wanted.text };
  const found = [];
  let cursor = from;
  do {
    const page = await getPage("/runs", { ...query, limit: PAGE - found.length, cursor });
    found.push(...page.data);
    cursor = page.cursor;
  } while (cursor !== null && found.length < PAGE && goesOn());
  return { data: found, cursor };
}

function matches(run, wanted) {
  const text = wanted.text.toLowerCase();
  const found = !text || (run.name ?? "").toLowerCase().includes(text) || run.id.toLowerCase().includes(text);
  return found && (!wanted.status || run.status === wanted.status);
}

function emptyNote(wanted) {
  if (wanted.text || wanted.status) return "No run is like that.";
  return `No runs yet. Start one with: synapse run PIPELINE --store ${location.origin}`;
}

/** One line of the list. */
function runRow(run) {
  let shown = run;
  const status = h("span", { class: "status" });
  const name = h("span", { class: "name" });
  const error = h("span", { class: "error-line" });
  const progress = bar("Progress");
  const share = h("span", { class: "share num" });
  const when = h("span", { class: "when num" });
  const took = h("span", { class: "took num" });
  const link = h("a", { href: `#/runs/${run.id}` }, status, h("span", { class: "what" }, name, h("span", { class: "id num" }, run.id), error), h("span", { class: "how" }, progress.element, share), when, took);
  const element = h("li", { "data-run": run.id }, link);
  let said = null;

  function tick() {
    setText(when, ago(shown.created_at));
    setText(took, span(shown.started_at, shown.completed_at));
  }

  function update(next) {
    shown = { ...shown, ...next };
    if (said !== shown.status) status.replaceChildren(pill((said = shown.status)));
    setText(name, shown.name || "unnamed");
    setText(error, shown.status === "failed" ? (shown.error ?? "") : "");
    const moves = shown.status !== "failed" && shown.status !== "cancelled";
    setText(share, moves ? percent(shown.overall_progress) : "");
    setAttr(progress.element, "hidden", !moves);
    setAttr(when, "title", moment(shown.created_at));
    setAttr(element, "class", shown.status);
    progress.set(shown.overall_progress, shown.status);
    tick();
  }

  update(run);
  return { element, update, tick };
}
