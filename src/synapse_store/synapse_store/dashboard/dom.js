// Elements, made without markup: whatever text is given stays text.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element; `props` are attributes, `on…` handlers and `class`; children are nodes or text. */
export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** The same for SVG. */
export function s(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Change a text only where it differs, so that nothing is selected away or read out anew. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttr(element, name, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
}

const SHAPES = {
  pending: ["M8 2.500a5.500 5.500 0 1 0 0 11a5.500 5.500 0 0 0 0-11z"],
  running: ["M8 2.500a5.500 5.500 0 1 1-5.500 5.500", "M8 6.500a1.500 1.500 0 1 0 0 3a1.500 1.500 0 0 0 0-3z"],
  completed: ["M3 8.500l3.500 3.500L13 4.500"],
  failed: ["M4 4l8 8M12 4l-8 8"],
  cancelled: ["M8 2.500a5.500 5.500 0 1 0 0 11a5.500 5.500 0 0 0 0-11z", "M4.200 11.800l7.600-7.600"],
  skipped: ["M3 4l5 4-5 4M9 4v8M13 4v8"],
};

/** The symbol of a status: each has its own shape, so that colour is not needed to tell them apart. */
export function icon(status, props = {}) {
  const known = SHAPES[status] ? status : "pending";
  const paths = SHAPES[known].map((d) => s("path", { d }));
  return s("svg", { viewBox: "0 0 16 16", width: 16, height: 16, class: `icon ${known}`, "aria-hidden": "true", ...props }, paths);
}

/** A status as symbol and word. */
export function pill(status) {
  return h("span", { class: `pill ${status}` }, icon(status), h("span", {}, status));
}

/** A bar from 0 to 1; `set` moves it. */
export function bar(label) {
  const inner = h("span", { class: "fill" });
  const outer = h("span", { class: "bar", role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100 }, inner);
  const set = (fraction, status) => {
    const share = Math.min(Math.max(Number(fraction) || 0, 0), 1);
    inner.style.width = `${share * 100}%`;
    setAttr(outer, "aria-valuenow", Math.round(share * 100));
    setAttr(outer, "class", `bar ${status}`);
  };
  return { element: outer, set };
}

/** Have a screen reader say something when it is polite. */
export function announce(text) {
  setText(document.getElementById("announce"), text);
}
