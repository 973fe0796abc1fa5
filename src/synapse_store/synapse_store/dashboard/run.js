// One run: what it is, its parts, and the stream that keeps them up to date.

import { ApiError, follow, get, post } from "./api.js";
import { actionsPart } from "./actions.js";
import { failureOf, valuePart } from "./details.js";
import { confirm, copyButton } from "./dialog.js";
import { announce, bar, h, pill, setAttr, setText } from "./dom.js";
import { moment, percent, span } from "./format.js";
import { graphPart } from "./graph.js";
import { logsPart } from "./logs.js";
import { plotsPart } from "./plots.js";
import { puller } from "./pull.js";
import { takingUp, watchEngine } from "./taking.js";

const AGAIN = 2000;
const ENDED = ["completed", "failed", "cancelled"];

export function runView(main, id, tellLink) {
  document.title = "Run · Synapse";
  const [graph, actions, logs, plots] = [graphPart(choose), actionsPart(choose), logsPart(), plotsPart(id)];
  const params = valuePart("Params", "None were given.");
  const result = valuePart("Result", "None yet.");
  const taking = takingUp(id, { onTaken: () => head.orphaned(false), onGone: gone });
  const head = headPart(id, { cancel, rerun, resume: taking.resume, recover: taking.recover });
  const below = h("div", { class: "pair" }, params.element, result.element);
  const parts = [head, graph, actions, plots, logs];
  let state = null;
  let chosen = null;
  let stream = null;
  let closed = false;
  let again = 0;
  let engine = null;

  const pull = puller(id, {
    onLogs: logs.add,
    onMetrics: plots.take,
    onRetry: actions.retried,
    loadMetrics: plots.load,
    onError: (error) => error.status || tellLink(false),
  });

  async function load() {
    try {
      const run = await get(`/runs/${id}`);
      if (closed) return;
      main.append(head.element, graph.element, actions.element, plots.element, logs.element, below);
      params.set(run.params);
      head.know(run);
      stream = follow(`/runs/${id}/progress/stream`, {}, { onState: apply, onLink, until: hasEnded });
    } catch (error) {
      if (!closed) fail(error);
    }
  }

  // Away is not gone: a service that starts again has the run.
  function fail(error) {
    const away = error.status === 0 || error.status >= 500;
    main.replaceChildren(missing(error));
    tellLink(!away);
    if (away) again = setTimeout(retry, AGAIN);
  }

  function retry() {
    main.replaceChildren();
    tellLink(true);
    load();
  }

  function onLink(stands, problem) {
    tellLink(stands || closed);
    if (problem?.status !== 404) return;
    tellLink(true);
    gone();
  }

  function gone() {
    stream.close();
    engine?.close();
    pull.close();
    head.gone();
  }

  function apply(next) {
    if (closed) return;
    tellChange(state, next);
    state = next;
    if (hasEnded(next)) engine?.close();
    else engine ??= watchEngine(id, (gone) => head.orphaned(gone && !hasEnded(state)));
    document.title = `${next.name || "Run"} – ${next.status} · Synapse`;
    head.update(next);
    graph.update(next);
    actions.update(next);
    logs.name(next.progress.map((action) => action.name));
    if (hasEnded(next)) result.set(next.result, "There is none.");
    pull.reach(next.seq);
  }

  function choose(name) {
    chosen = chosen === name ? null : name;
    for (const part of [graph, actions, plots, logs]) part.choose(chosen);
    announce(chosen ? `${chosen} is chosen; logs and metrics are of it alone` : "All actions are shown");
  }

  async function cancel() {
    const sure = await confirm("Cancel this run?", "What is running is told to stop, and forced after a while. Completed actions keep their results; the run can be resumed.", "Cancel the run");
    if (!sure) return;
    try {
      await post(`/runs/${id}/cancel`, { reason: "cancelled on the dashboard" });
      announce("Cancel was asked for");
    } catch (error) {
      head.say(error.message);
    }
  }

  function rerun() {
    const names = state.progress.map((action) => action.name);
    const preset = chosen ?? state.progress.find((action) => action.status === "failed")?.name;
    taking.rerun(preset ? [preset, ...names.filter((name) => name !== preset)] : names);
  }

  const tick = setInterval(() => {
    if (!state || hasEnded(state)) return;
    head.tick();
    actions.tick();
  }, 1000);

  load();
  return {
    close() {
      closed = true;
      clearInterval(tick);
      clearTimeout(again);
      stream?.close();
      engine?.close();
      pull.close();
      for (const part of parts) part.close?.();
    },
    focus: () => main.focus(),
    search: () => logs.search(),
    escape: () => chosen && choose(chosen),
  };
}

function hasEnded(state) {
  return ENDED.includes(state.status);
}

function tellChange(before, now) {
  if (!before) return;
  const was = new Map(before.progress.map((action) => [action.name, action.status]));
  const changed = now.progress.filter((action) => was.get(action.name) !== action.status).map((action) => `${action.name} ${action.status}`);
  if (before.status !== now.status) changed.unshift(`The run is ${now.status}`);
  if (changed.length) announce(changed.slice(0, 5).join(", "));
}

function missing(error) {
  const text = error instanceof ApiError && error.status === 404 ? "There is no such run." : error.message;
  return h("div", { class: "missing" }, h("h1", {}, text), h("p", {}, h("a", { href: "#/" }, "All runs")));
}

/** The head of the page: name, status, times and what can be done. */
function headPart(id, does) {
  const name = h("h1", {}, "…");
  const status = h("span", { class: "status" });
  const progress = bar("Progress of the run");
  const share = h("span", { class: "share num" });
  const facts = Object.fromEntries(["Created", "Time", "From", "Resumed from"].map((label) => [label, h("dd", { class: "num" })]));
  const list = h("dl", { class: "about" }, h("div", {}, h("dt", {}, "Run"), h("dd", { class: "num" }, id, " ", copyButton(() => id))), Object.entries(facts).map(([label, dd]) => h("div", { hidden: label === "From" || label === "Resumed from" }, h("dt", {}, label), dd)));
  const cancel = h("button", { type: "button", class: "danger", hidden: true, onclick: does.cancel }, "Cancel");
  const resume = h("button", { type: "button", hidden: true, onclick: does.resume }, "Resume…");
  const rerun = h("button", { type: "button", hidden: true, onclick: does.rerun }, "Run again…");
  const recover = h("button", { type: "button", onclick: does.recover }, "Go on…");
  const orphan = h("div", { class: "orphan", role: "status", hidden: true }, h("p", {}, "Nobody runs this run any more: its engine is gone."), recover);
  const problem = h("div", { class: "problem", hidden: true });
  const said = h("p", { class: "wrong", role: "alert" });
  const line = h("div", { class: "title" }, name, status, h("div", { class: "buttons" }, cancel, resume, rerun));
  const crumbs = h("nav", { "aria-label": "Where this is" }, h("a", { href: "#/" }, "← Runs"));
  const element = h("div", { class: "run-head" }, crumbs, line, said, orphan, h("div", { class: "overall" }, progress.element, share), list, problem);
  let shown = null;
  let told = null;

  function update(state) {
    shown = state;
    if (told !== state.status) status.replaceChildren(pill((told = state.status)));
    setText(name, state.name || "unnamed");
    progress.set(state.overall_progress, state.status);
    setText(share, percent(state.overall_progress));
    const ended = hasEnded(state);
    if (ended) orphan.hidden = true;
    cancel.hidden = ended;
    cancel.disabled = state.cancel_requested;
    setText(cancel, state.cancel_requested ? "Cancelling…" : "Cancel");
    resume.hidden = !ended || state.status === "completed";
    rerun.hidden = !ended || !state.progress.length;
    if (ended && state.error && problem.hidden) tellProblem(state);
    tick();
  }

  function tellProblem(state) {
    problem.hidden = false;
    const all = [...Object.values(state.instances ?? {}), ...state.progress];
    const failed = all.find((each) => each.failure?.traceback);
    problem.replaceChildren(failureOf(state.error, failed ? { ...failed.failure, type: "", message: state.error } : null));
    if (state.errors?.length > 1) problem.append(h("ul", {}, state.errors.map((error) => h("li", {}, error))));
  }

  function tick() {
    if (shown) setText(facts.Time, span(shown.started_at, shown.completed_at));
  }

  function know(run) {
    setText(name, run.name || "unnamed");
    setText(facts.Created, moment(run.created_at));
    reveal(facts.From, run.target);
    if (run.resumed_from) reveal(facts["Resumed from"], h("a", { href: `#/runs/${run.resumed_from}` }, run.resumed_from));
  }

  function reveal(dd, content) {
    if (!content) return;
    dd.replaceChildren(content);
    dd.parentElement.hidden = false;
  }

  const say = (text) => setText(said, text);
  const orphaned = (is) => (orphan.hidden = !is);
  const gone = () => {
    say("This run was deleted.");
    orphan.hidden = true;
    for (const button of [cancel, resume, rerun]) setAttr(button, "disabled", true);
  };
  return { element, update, tick, know, say, orphaned, gone };
}
