// The page: which view is shown, and what is common to all of them.

import { login } from "./api.js";
import { h, setAttr, setText } from "./dom.js";
import { askToken, showKeys } from "./dialog.js";
import { listView } from "./list.js";
import { runView } from "./run.js";

const main = document.getElementById("main");
let view = null;
let shown = null;

function route() {
  const [path, query] = location.hash.replace(/^#/, "").split("?");
  const run = /^\/runs\/([\w.~-]+)$/.exec(path);
  if (path !== "" && !path.startsWith("/")) return;
  const key = run ? path : "/";
  if (key === shown) return;
  open(key, run ? () => runView(main, run[1], tellLink) : () => listView(main, new URLSearchParams(query), tellLink));
}

function open(key, make) {
  const before = shown;
  view?.close();
  shown = key;
  main.replaceChildren();
  tellLink(true);
  view = make();
  scrollTo(0, 0);
  if (before !== null) view.focus(before);
}

function tellLink(stands) {
  const link = document.getElementById("link");
  setAttr(link, "class", stands ? "link" : "link lost");
  setText(link, stands ? "" : "Connection lost – trying again");
}

function typing(target) {
  return target.closest?.("input, select, textarea, dialog") || target.isContentEditable;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const does = { "/": () => view.search(), "?": showKeys, l: () => (location.hash = "#/"), Escape: () => view.escape() }[event.key];
  if (!does) return;
  event.preventDefault();
  does();
});

// "Skip to content" must not be taken for a view's address.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
document.getElementById("keys").addEventListener("click", showKeys);
document.addEventListener("synapse:login", () =>
  askToken(async (token) => {
    await login(token);
    shown = null;
    route();
  }),
);
addEventListener("hashchange", route);
addEventListener("error", (event) => {
  if (!view) main.replaceChildren(h("p", { class: "note" }, `The page failed: ${event.message}`));
});
route();
