// Numbers, times and names as people read them.

/** A span of seconds: 0.42 s, 12.3 s, 4 min 07 s, 2 h 05 min. */
export function duration(seconds) {
  if (!Number.isFinite(seconds) || seconds < 0) return "–";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours < 48 ? `${hours} h ${two(minutes)} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** How long something took, or takes so far. */
export function span(start, end) {
  if (!start) return "–";
  const until = end ? Date.parse(end) : Date.now();
  return duration(Math.max(until - Date.parse(start), 0) / 1000);
}

/** When: "just now", "5 min ago", "yesterday"-like words, or the date. */
export function ago(text) {
  if (!text) return "";
  const seconds = (Date.now() - Date.parse(text)) / 1000;
  if (seconds < 45) return "just now";
  if (seconds < 3600) return `${Math.max(Math.round(seconds / 60), 1)} min ago`;
  if (seconds < 86400) return `${Math.round(seconds / 3600)} h ago`;
  return seconds < 7 * 86400 ? `${Math.round(seconds / 86400)} d ago` : text.slice(0, 10);
}

/** A time in full, where the reader is. */
export function moment(text) {
  return text ? new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" }) : "–";
}

/** The time of day, to the millisecond. */
export function clock(text) {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return "";
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

/** Microseconds since the epoch: `Date` keeps only the milliseconds of what the service says. */
export function micros(text) {
  const digits = /\.(\d+)/.exec(text)?.[1] ?? "";
  return Date.parse(text) * 1000 + Number(digits.padEnd(6, "0").slice(3, 6));
}

/** A number in few characters. */
export function number(value) {
  if (typeof value !== "number" || !Number.isFinite(value)) return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  const size = Math.abs(value);
  if (size >= 1e6 || (size > 0 && size < 1e-3)) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}

export function percent(fraction) {
  return `${Math.floor(Math.min(Math.max(Number(fraction) || 0, 0), 1) * 100)} %`;
}

/** A text that is not longer than `most`; the middle goes. */
export function shortened(text, most) {
  if (text.length <= most) return text;
  const head = Math.ceil((most - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (most - 1 - head))}`;
}

function two(value) {
  return String(value).padStart(2, "0");
}
