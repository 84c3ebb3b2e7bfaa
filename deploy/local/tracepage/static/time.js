// Times and durations are in microseconds, as in Jaeger's query API.

const MS = 1e3, SECOND = 1e6, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;

const TICK_STEPS = [
  ...[1, 10, 100, MS, 10 * MS, 100 * MS].flatMap((base) => [base, 2 * base, 5 * base]),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR),
  ...[1, 2, 4, 7, 14, 28, 56, 112, 182, 365, 730, 3650].map((n) => n * DAY),
];

// formatDuration shows two units at most: 850µs, 1.25ms, 3.4s, 2m 5s, 3h 20m, 12d 4h.
export function formatDuration(us) {
  if (us < 0) return `-${formatDuration(-us)}`;
  if (us === 0) return "0";
  if (us < MS) return `${Math.round(us)}µs`;
  if (us < SECOND - 5) return `${decimals(us / MS)}ms`;
  if (us < MINUTE - 5 * MS) return `${decimals(us / SECOND)}s`;
  if (us < HOUR - SECOND / 2) return twoUnits(us, MINUTE, "m", SECOND, "s");
  if (us < DAY - MINUTE / 2) return twoUnits(us, HOUR, "h", MINUTE, "m");
  return twoUnits(us, DAY, "d", HOUR, "h");
}

function decimals(value) {
  return String(Number(value.toFixed(2)));
}

function twoUnits(us, big, bigName, small, smallName) {
  const inSmall = Math.round(us / small);
  const perBig = big / small;
  const rest = inSmall % perBig;
  const whole = `${Math.floor(inSmall / perBig)}${bigName}`;
  return rest === 0 ? whole : `${whole} ${rest}${smallName}`;
}

// formatExact leaves nothing out: 4d 4m 10.025s.
export function formatExact(us) {
  if (us < MINUTE) return formatDuration(us);
  const parts = [];
  for (const [unit, name] of [[DAY, "d"], [HOUR, "h"], [MINUTE, "m"]]) {
    if (us >= unit) parts.push(`${Math.floor(us / unit)}${name}`);
    us %= unit;
  }
  if (us > 0) parts.push(`${us / SECOND}s`);
  return parts.join(" ");
}

// ticks are round offsets within [from, to], at most count + 1 of them.
export function ticks(from, to, count) {
  const step = TICK_STEPS.find((s) => (to - from) / s <= count) ?? TICK_STEPS.at(-1);
  const offsets = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) offsets.push(at);
  return offsets;
}

export function formatLocal(us, { fraction = false } = {}) {
  const d = new Date(us / MS);
  const two = (n) => String(n).padStart(2, "0");
  const clock = [d.getHours(), d.getMinutes(), d.getSeconds()].map(two).join(":");
  const ms = fraction ? `.${String(d.getMilliseconds()).padStart(3, "0")}` : "";
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${clock}${ms}`;
}

export function formatUTC(us) {
  return `${new Date(us / MS).toISOString().replace("T", " ").replace("Z", "")} UTC`;
}

export function formatAgo(us, nowUs = Date.now() * MS) {
  const age = nowUs - us;
  if (age < MINUTE) return "just now";
  for (const [unit, name] of [[DAY, "day"], [HOUR, "hour"], [MINUTE, "minute"]]) {
    const n = Math.floor(age / unit);
    if (n >= 1) return `${n} ${name}${n === 1 ? "" : "s"} ago`;
  }
}

// parseLookback reads 30m, 12h, 2d, 4w; anything else is undefined.
export function parseLookback(text) {
  const match = /^(\d+)(s|m|h|d|w)$/.exec(text ?? "");
  if (!match) return undefined;
  return Number(match[1]) * { s: SECOND, m: MINUTE, h: HOUR, d: DAY, w: 7 * DAY }[match[2]];
}
