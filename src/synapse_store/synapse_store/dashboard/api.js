// How the page speaks to the service that it came from.

const BASE = "/api/v1";
const AGAIN = 500;
const LONGEST = 8000;

/** What the service refused, with its own words. */
export class ApiError extends Error {
  constructor(status, data) {
    super(String(data.detail));
    this.status = status;
    this.data = data;
  }
}

function address(path, query = {}) {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of [value].flat()) if (each !== null && each !== undefined && each !== "") found.append(name, each);
  }
  const text = found.toString();
  return BASE + path + (text ? `?${text}` : "");
}

async function ask(url, options = {}) {
  let response;
  try {
    response = await fetch(url, { credentials: "same-origin", ...options });
  } catch {
    throw new ApiError(0, { detail: "The service does not answer." });
  }
  if (response.status === 401) document.dispatchEvent(new Event("synapse:login"));
  if (!response.ok) throw new ApiError(response.status, await problemOf(response));
  return response;
}

async function problemOf(response) {
  try {
    const data = await response.json();
    if (data.detail) return data;
  } catch {
    // not ours: a proxy's page
  }
  return { detail: `The service answered with ${response.status}.` };
}

/** The JSON at a path. */
export async function get(path, query) {
  return (await ask(address(path, query))).json();
}

/** A page of a list, and the cursor of the next one. */
export async function getPage(path, query) {
  const response = await ask(address(path, query));
  const data = await response.json();
  const next = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get("Link") ?? "");
  const cursor = next ? new URL(next[1], location.href).searchParams.get("cursor") : null;
  return { data, cursor };
}

export async function post(path, body) {
  const response = await ask(address(path), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return response.json();
}

/** Have the token turned into a cookie that scripts cannot read; the page does not keep the token. */
export async function login(token) {
  const headers = new Headers();
  headers.set("Authorization", `Bearer ${asBytes(token)}`);
  await ask(`${BASE}/session`, { method: "POST", headers });
}

// Headers hold bytes; this is how the text's UTF-8 gets into one.
function asBytes(token) {
  return String.fromCharCode(...new TextEncoder().encode(token));
}

const NAMES = ["progress", "completed", "failed", "cancelled"];

/**
 * Follow a stream of states, whatever becomes of the connection. `onState(state, event)` gets each;
 * `onLink(true|false)` is told whether the stream stands. While nobody looks at the page it is let go of:
 * a browser has few connections to a host, and all its tabs share them.
 */
export function follow(path, query, { onState, onLink, until = () => false }) {
  let source = null;
  let timer = 0;
  let over = false;
  let delay = AGAIN;

  const drop = () => {
    clearTimeout(timer);
    source?.close();
    source = null;
  };
  const finish = () => {
    over = true;
    drop();
    document.removeEventListener("visibilitychange", look);
  };
  const take = (event) => {
    const state = JSON.parse(event.data);
    onState(state, event.type);
    if (until(state)) finish();
  };
  const failed = (event) => {
    if (over) return;
    // The service's own `event: error` comes here too, with data; then the stream has ended.
    onLink(false, event.data ? JSON.parse(event.data) : null);
    if (over || source?.readyState === EventSource.CONNECTING) return;
    drop();
    timer = setTimeout(open, delay);
    delay = Math.min(delay * 2, LONGEST);
  };
  const open = () => {
    drop();
    if (over || document.hidden) return;
    source = new EventSource(address(path, query));
    source.addEventListener("open", () => {
      delay = AGAIN;
      onLink(true, null);
    });
    for (const name of NAMES) source.addEventListener(name, take);
    source.addEventListener("error", failed);
  };
  const look = () => (document.hidden ? drop() : open());

  document.addEventListener("visibilitychange", look);
  open();
  return { close: finish };
}
