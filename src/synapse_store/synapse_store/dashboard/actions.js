// A line for each action: its bar, times and attempts; the chosen one tells more.

import { bar, h, icon, setAttr, setText } from "./dom.js";
import { duration, moment, number, percent, span } from "./format.js";
import { failureOf } from "./details.js";

// Where there are more than can be shown, those come first that somebody will look for.
const ORDER = ["failed", "running", "pending", "skipped", "completed"];
const MOST = 200;

export function actionsPart(choose) {
  const list = h("ul", { class: "actions" });
  const element = h("section", { class: "card", "aria-labelledby": "actions-title" }, h("h2", { id: "actions-title" }, "Actions"), list);
  const rows = new Map();
  let chosen = null;
  let last = null;

  function update(state) {
    last = state;
    for (const action of state.progress) {
      if (!rows.has(action.name)) {
        const row = actionRow(action.name, choose);
        rows.set(action.name, row);
        list.append(row.element);
      }
      rows.get(action.name).update(action, action.name === chosen, state);
    }
  }

  return {
    element,
    update,
    tick: () => rows.forEach((row) => row.tick()),
    choose(name) {
      chosen = name;
      if (last) update(last);
    },
    /** What became of earlier attempts, as the events tell. */
    retried(event) {
      rows.get(event.action)?.retried(event);
    },
  };
}

function actionRow(name, choose) {
  const symbol = h("span", { class: "symbol" });
  const tries = h("span", { class: "tries num" });
  const progress = bar(`Progress of ${name}`);
  const share = h("span", { class: "share num" });
  const detail = h("span", { class: "detail num" });
  const took = h("span", { class: "took num" });
  const head = h("span", { class: "name" }, h("span", { class: "text" }, name), tries);
  const button = h("button", { type: "button", "aria-expanded": "false", onclick: () => choose(name) }, symbol, head, progress.element, share, detail, took);
  const more = h("div", { class: "more", hidden: true });
  const element = h("li", { "data-action": name }, button, more);
  const attempts = [];
  let shown = null;
  let said = null;
  let written = "";

  function update(action, open, state) {
    shown = action;
    if (said !== action.status) symbol.replaceChildren(icon((said = action.status), { "aria-hidden": null, role: "img", "aria-label": action.status }));
    const fraction = action.status === "completed" ? 1 : action.progress;
    progress.set(fraction, action.status);
    setText(share, action.status === "skipped" ? "" : percent(fraction));
    setText(tries, action.attempt > 1 ? `attempt ${action.attempt}` : "");
    setText(detail, detailOf(action));
    setAttr(element, "class", action.status);
    setAttr(button, "aria-expanded", String(open));
    more.hidden = !open;
    if (open) tell(state);
    tick();
  }

  function tell(state) {
    const key = JSON.stringify([shown, attempts.length, shown.instances && state.seq]);
    if (key === written) return;
    written = key;
    more.replaceChildren(...moreOf(shown, attempts, state));
  }

  function tick() {
    if (shown) setText(took, shown.started_at ? span(shown.started_at, shown.completed_at) : "–");
  }

  return { element, update, tick, retried: (event) => attempts.push(event) };
}

/** The line's few words: counts of instances, what is counted, or what it said last. */
function detailOf(action) {
  if (action.instances) return instancesText(action.instances);
  const category = action.categories?.[action.progress_category ?? "default"];
  if (action.status === "running" && category) return categoryText(category);
  if (action.error) return action.error;
  return action.message ?? "";
}

function instancesText(counts) {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const others = ["running", "failed", "skipped"].filter((status) => counts[status]).map((status) => `${counts[status]} ${status}`);
  return [`${counts.completed ?? 0} of ${total} done`, ...others].join(" · ");
}

function categoryText(category) {
  const parts = [category.total === null ? number(category.current) : `${number(category.current)} / ${number(category.total)}`];
  if (category.rate) parts.push(`${rate(category.rate)}/s`);
  if (category.eta) parts.push(`${duration(category.eta)} left`);
  return parts.join(" · ");
}

function rate(value) {
  return number(Number(value.toPrecision(3)));
}

function moreOf(action, attempts, state) {
  const facts = [
    ["Started", moment(action.started_at)],
    ["Ended", moment(action.completed_at)],
    ["Attempt", String(action.attempt || "–")],
    ["Message", action.message],
    ...Object.entries(action.categories ?? {}).map(([name, category]) => [name, categoryText(category)]),
    ...Object.entries(action.metrics ?? {}).map(([name, value]) => [name, typeof value === "number" ? number(value) : JSON.stringify(value)]),
  ];
  const shown = facts.filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", { class: "num" }, value)));
  const parts = [h("dl", { class: "facts" }, shown)];
  if (action.failure || action.error) parts.push(failureOf(action.error, action.failure));
  for (const event of attempts) parts.push(attemptOf(event));
  if (action.instances) parts.push(instancesOf(action.name, state.instances ?? {}));
  return parts;
}

function attemptOf(event) {
  const failure = event.payload?.failure;
  const text = event.payload?.error ?? "failed";
  const body = failure?.traceback ? [h("pre", { tabindex: 0 }, failure.traceback)] : [];
  return h("details", { class: "attempt" }, h("summary", {}, `Attempt ${event.attempt}: ${text}`), body);
}

function instancesOf(name, instances) {
  const own = Object.values(instances).filter((each) => each.name.startsWith(`${name}[`));
  const rank = (each) => (own.length > MOST ? ORDER.indexOf(each.status) : 0);
  own.sort((a, b) => rank(a) - rank(b) || placeOf(a) - placeOf(b));
  const cells = own.slice(0, MOST).map((each) => {
    const about = [each.name.slice(name.length), each.error, each.status === "running" ? percent(each.progress) : null];
    return h("li", { class: each.status, title: each.error ?? each.status }, icon(each.status), h("span", { class: "unseen" }, each.status), h("span", { class: "num" }, about.filter(Boolean).join(" ")));
  });
  const rest = own.length > MOST ? [h("p", { class: "note" }, `and ${own.length - MOST} more`)] : [];
  return h("div", {}, h("ul", { class: "instances", "aria-label": "Instances" }, cells), rest);
}

function placeOf(instance) {
  return Number(/\[(\d+)\]$/.exec(instance.name)?.[1] ?? 0);
}
