// Taking a run up: by the service's runner where it has one, else by a command to type.

import { get, post } from "./api.js";
import { announce, h, setText } from "./dom.js";
import { command, commandLine, quoted, show } from "./dialog.js";

const LOOK = 5000;

const WORDS = {
  resume: ["Resume this run", "A new run that reuses what was completed.", "Resume"],
  rerun: ["Run again", "A new run that reuses what came before an action, and runs it and what follows anew.", "Run again"],
  recover: ["Go on with this run", "The same run: what was completed stays, and what was running is attempted again.", "Go on"],
};
const TYPE = "Type this where the pipeline's code is.";

/** What can be done with a run that nobody runs now; `onTaken()` when it goes on, `onGone()` when it is no more. */
export function takingUp(id, on) {
  let available = null; // asked once, and again where it was not answered

  async function hasRunner() {
    available ??= get("/runner").then((found) => found.available);
    try {
      return await available;
    } catch {
      available = null;
      return false;
    }
  }

  // This service is a store, whichever the default one is where the command is typed.
  const words = (does, action) => `synapse runs ${does} ${id}${action ? ` --from ${quoted(action)}` : ""} --store ${location.origin}`;

  async function ask(does, actions = null) {
    const [title, text, yes] = WORDS[does];
    const make = (action) => words(does, action);
    if (!(await hasRunner())) return command(title, `${text} ${TYPE}`, make, actions);
    offer({ id, does, title, text, yes, make, actions, on });
  }

  return {
    resume: () => ask("resume"),
    rerun: (actions) => ask("rerun", actions),
    recover: () => ask("recover"),
  };
}

/** A dialog that has the runner do it, and says what is against it. */
function offer({ id, does, title, text, yes, make, actions, on }) {
  const choice = actions && h("select", { "aria-label": "From action" }, actions.map((name) => h("option", { value: name }, name)));
  const params = h("textarea", { rows: 3, spellcheck: "false", placeholder: '{"epochs": 5}', "aria-label": "Params as JSON" });
  const force = h("input", { type: "checkbox" });
  const forced = h("label", { class: "check", hidden: true }, force, " Run again what has changed, and all that follows it");
  const line = commandLine(make(actions?.[0]));
  choice?.addEventListener("change", () => line.set(make(choice.value)));
  const wrong = h("p", { class: "wrong", role: "alert" });
  const ok = h("button", { type: "button", class: "main", onclick: go }, yes);
  const close = h("button", { type: "button", onclick: () => dialog.close() }, "Close");
  const body = h(
    "div",
    { class: "offer" },
    h("p", {}, text),
    choice && h("label", { class: "from" }, "From ", choice),
    does === "recover" ? null : h("details", {}, h("summary", {}, "With other params"), h("p", { class: "note" }, "JSON; they go over those of the run."), params),
    wrong,
    forced,
    h("details", {}, h("summary", {}, "Or type it"), h("p", { class: "note" }, TYPE), line.element),
  );
  const dialog = show(title, body, [close, ok]);
  ok.focus();

  async function go() {
    setText(wrong, "");
    let asked = {};
    try {
      asked = bodyOf(does, choice?.value, params.value, force.checked);
    } catch (error) {
      setText(wrong, error.message);
      return;
    }
    ok.disabled = true;
    try {
      const run = await post(`/runs/${id}/${does}`, asked);
      dialog.close();
      announce(does === "recover" ? "The run goes on" : "A new run has begun");
      if (run.id === id) on.onTaken();
      else location.hash = `#/runs/${run.id}`;
    } catch (error) {
      if (error.status === 404) on.onGone();
      setText(wrong, wordsOf(error));
      forced.hidden = !error.data?.changed;
    }
    ok.disabled = false;
  }
}

function bodyOf(does, action, text, force) {
  const params = text.trim() ? parsed(text) : null;
  return { ...(does === "rerun" ? { action } : {}), ...(params ? { params } : {}), ...(force ? { force } : {}) };
}

function parsed(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`The params are no JSON: ${error.message}`);
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw new Error('The params must be an object, as {"epochs": 5}.');
  return value;
}

function wordsOf(error) {
  const fields = (error.data?.errors ?? []).map((each) => `${each.path}: ${each.message}`);
  return [error.message, ...fields].join("\n");
}

/** Look from time to time whether anybody still runs a run; `onGone(true|false)`. */
export function watchEngine(id, onGone) {
  async function look() {
    if (document.hidden) return;
    try {
      onGone((await get(`/runs/${id}/engine`)).gone);
    } catch {
      return; // the stream tells that the service is away, or the run
    }
  }
  const timer = setInterval(look, LOOK);
  look();
  return { close: () => clearInterval(timer) };
}
