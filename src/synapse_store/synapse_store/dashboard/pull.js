// What is said in a run: all there is first, then what is new, each time the state's `seq` tells that there is some.

import { get } from "./api.js";

const LOGS = 10_000;
const EVENTS = 1_000;
const APART = 300;
const KINDS = ["action.log", "action.message", "action.metrics", "action.retrying"];

/**
 * `onLogs(entries)`, `onMetrics(event)` and `onRetry(event)` get everything once, in order; `onError(error)` what
 * went wrong: it is tried again when there is more.
 */
export function puller(runId, { onLogs, onMetrics, onRetry, loadMetrics, onError }) {
  let logged = 0;
  let after = null;
  let wanted = 0;
  let timer = 0;
  let busy = false;
  let closed = false;

  /** There are events up to `seq`. */
  function reach(seq) {
    wanted = Math.max(wanted, seq);
    if (!busy && !timer && (after === null || wanted > after)) timer = setTimeout(pull, after === null ? 0 : APART);
  }

  async function pull() {
    timer = 0;
    busy = true;
    try {
      if (after === null) await begin();
      else await next();
    } catch (error) {
      if (!closed) onError(error);
      busy = false;
      if (!closed) timer = setTimeout(pull, 2000);
      return;
    }
    busy = false;
    if (!closed) reach(wanted);
  }

  async function begin() {
    const start = wanted;
    for (let page = null; !closed && (page === null || page.length === LOGS); ) {
      page = await get(`/runs/${runId}/logs`, { limit: LOGS, after: logged });
      if (page.length) logged = Number(page.at(-1).id.split(".").at(-1));
      if (!closed) onLogs(page);
    }
    const retries = await get(`/runs/${runId}/events`, { kind: "action.retrying", limit: EVENTS });
    await loadMetrics();
    after = start;
    if (!closed) retries.filter((event) => event.seq <= start).forEach(onRetry);
  }

  async function next() {
    const upTo = wanted;
    const events = await get(`/runs/${runId}/events`, { after, kind: KINDS, limit: EVENTS });
    if (closed) return;
    onLogs(events.filter(isLog).filter((event) => event.seq > logged).map(entryOf));
    for (const event of events) {
      if (event.kind === "action.metrics") onMetrics(event);
      else if (event.kind === "action.retrying") onRetry(event);
    }
    after = events.length === EVENTS ? events.at(-1).seq : Math.max(upTo, events.at(-1)?.seq ?? 0);
  }

  return {
    reach,
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}

function isLog(event) {
  return event.kind === "action.log" || event.kind === "action.message";
}

function entryOf(event) {
  const { message, level } = event.payload ?? {};
  return { action_name: event.action, level, message: message ?? "", timestamp: event.time };
}
