// Dialogs: a question, a command to type, a token, the keys.

import { h, announce, setText } from "./dom.js";

/** A modal dialog; it is gone once it is closed. */
export function show(title, body, buttons, props = {}) {
  const heading = h("h2", { id: "dialog-title" }, title);
  const dialog = h("dialog", { "aria-labelledby": "dialog-title", ...props }, heading, body, h("div", { class: "buttons" }, buttons));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Ask before something is done; resolves to whether it is wanted. */
export function confirm(title, text, yes) {
  return new Promise((resolve) => {
    const no = h("button", { type: "button", onclick: () => dialog.close("no") }, "Keep it running");
    const ok = h("button", { type: "button", class: "danger", onclick: () => dialog.close("yes") }, yes);
    const dialog = show(title, h("p", {}, text), [no, ok]);
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"));
    no.focus();
  });
}

/** A button that puts a text on the clipboard; `text` is asked when it is pressed. */
export function copyButton(text, label = "Copy") {
  const button = h("button", { type: "button", class: "small", "aria-label": `${label} to the clipboard` }, label);
  button.addEventListener("click", async () => {
    const done = await copy(text());
    setText(button, done ? "Copied" : "Press Ctrl+C");
    announce(done ? "Copied" : "Could not copy");
    setTimeout(() => setText(button, label), 1600);
  });
  return button;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyOld(text);
  }
}

// Without TLS a browser has no clipboard for scripts but on localhost.
function copyOld(text) {
  const area = h("textarea", { readonly: true, class: "unseen" });
  area.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

/** Show what to type; `actions` offers a choice that `command(action)` takes. */
export function command(title, text, make, actions = null) {
  const line = commandLine(make(actions?.[0]));
  const choice = actions && h("select", { "aria-label": "From action" }, actions.map((name) => h("option", { value: name }, name)));
  choice?.addEventListener("change", () => line.set(make(choice.value)));
  const from = choice && h("label", { class: "from" }, "From ", choice);
  const close = h("button", { type: "button", onclick: () => dialog.close() }, "Close");
  const dialog = show(title, h("div", {}, h("p", {}, text), from, line.element), [close]);
}

/** A line to type, which can be copied. */
export function commandLine(text) {
  const code = h("code", {}, text);
  const element = h("div", { class: "command" }, h("pre", { tabindex: 0 }, code), copyButton(() => code.textContent));
  return { element, set: (next) => setText(code, next) };
}

/** A word as a shell takes it. */
export function quoted(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The form for the token; `enter(token)` resolves when it was right. */
export function askToken(enter) {
  if (document.querySelector("dialog.login")) return;
  const field = h("input", { type: "password", name: "token", autocomplete: "current-password", required: true, "aria-label": "Token" });
  const wrong = h("p", { class: "wrong", role: "alert" });
  const form = h("form", {}, h("p", {}, "This service wants the token that it was started with."), field, wrong);
  const dialog = show("Sign in", form, [h("button", { type: "button", class: "main", onclick: () => form.requestSubmit() }, "Sign in")], { class: "login" });
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await enter(field.value);
      dialog.close();
    } catch (error) {
      setText(wrong, error.status === 401 ? "That is not the token." : error.message);
      field.select();
    }
  });
  field.focus();
}

const KEYS = [
  ["/", "search runs, or the log of a run"],
  ["↑ ↓ Home End", "go through the list of runs"],
  ["Enter", "open a run; choose an action"],
  ["l", "back to the list"],
  ["Esc", "close this, clear a search, choose no action"],
  ["?", "these keys"],
];

export function showKeys() {
  if (document.querySelector("dialog")) return;
  const rows = KEYS.map(([keys, what]) => h("div", {}, h("dt", {}, keys.split(" ").map((key) => h("kbd", {}, key))), h("dd", {}, what)));
  const close = h("button", { type: "button", onclick: () => dialog.close() }, "Close");
  const dialog = show("Keyboard", h("dl", { class: "keys" }, rows), [close]);
}
