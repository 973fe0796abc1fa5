// What a run was given and gave: params, result, errors with their tracebacks.

import { copyButton } from "./dialog.js";
import { h } from "./dom.js";

const LONGEST = 50_000;

/** A card with a JSON value; `set` fills it. */
export function valuePart(title, empty) {
  const body = h("div", { class: "value" }, h("p", { class: "note" }, empty));
  let text = "";
  let shown;
  const id = `${title.toLowerCase()}-title`;
  const head = h("div", { class: "head" }, h("h2", { id }, title), copyButton(() => text));
  const element = h("section", { class: "card", "aria-labelledby": id }, head, body);
  head.lastChild.hidden = true;

  function set(value, none = empty) {
    const next = value === null || value === undefined ? "" : JSON.stringify(value, null, 2);
    if (next === shown && text) return;
    shown = text = next;
    head.lastChild.hidden = !text;
    body.replaceChildren(text ? valueOf(value, text) : h("p", { class: "note" }, none));
  }

  return { element, set };
}

function valueOf(value, text) {
  const flat = typeof value === "object" && !Array.isArray(value) && text.length < LONGEST;
  if (!flat) return h("pre", { tabindex: 0 }, cut(text));
  const entries = Object.entries(value);
  if (!entries.length) return h("p", { class: "note" }, "{} – an empty object");
  return h("dl", { class: "facts" }, entries.map(([name, each]) => h("div", {}, h("dt", {}, name), h("dd", {}, leafOf(each)))));
}

function leafOf(value) {
  const text = JSON.stringify(value, null, 2);
  if (typeof value === "object" && value !== null && text.length > 60) return h("pre", { tabindex: 0 }, cut(text));
  return h("code", { class: typeof value }, typeof value === "object" ? JSON.stringify(value) : text);
}

function cut(text) {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}\n… ${text.length - LONGEST} characters more; Copy takes all` : text;
}

/** An error: what it says, and the traceback to unfold. */
export function failureOf(error, failure) {
  const said = failure ? [failure.type, failure.message].filter(Boolean).join(": ") : error;
  const parts = [h("p", { class: "said" }, said || error)];
  const traceback = failure?.traceback;
  if (traceback) {
    const summary = h("summary", {}, "Traceback");
    parts.push(h("details", {}, summary, h("pre", { tabindex: 0 }, traceback), copyButton(() => traceback)));
  }
  return h("div", { class: "failure" }, parts);
}
