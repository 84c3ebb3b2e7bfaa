// What a span says of itself: shown below its row.

import { button, el, factList, outsideLink, traceURL } from "./dom.js";
import { tagLinks } from "./link-patterns.js";
import { formatDuration, formatExact, formatLocal, formatUTC } from "./time.js";

export function spanDetails(span, trace, { onZoom }) {
  return el("div", { class: "details-body" },
    el("div", { class: "details-head" },
      el("h3", {}, span.name),
      button("Zoom to this span", onZoom),
      el("a", { href: traceURL(trace.traceID, span.id) }, "Link to this span")),
    span.warnings.map((text) => el("p", { class: "warning" }, text)),
    facts(span, trace),
    el("div", { class: "tables" },
      keyValues("Tags", "tags", span.tags, span),
      keyValues("Process", "process", [{ key: "service.name", value: span.service }, ...span.processTags], span)),
    events(span),
    links(span, trace));
}

function facts(span, trace) {
  const why = span.tag("otel.status_description");
  const status = !span.failed ? "ok" : why ? `error: ${why}` : "error";
  return factList([
    ["Service", span.service],
    ["Status", el("span", { class: span.failed ? "errors" : "" }, status)],
    ["Started", el("time", { title: formatUTC(span.start) }, formatLocal(span.start, { fraction: true }))],
    ["Into the trace", formatExact(span.start - trace.start)],
    ["Duration", formatExact(span.duration)],
    ["Span ID", el("code", {}, span.id)],
    ["Parent ID", span.parentID ? el("code", {}, span.parentID) : "none"],
  ]);
}

function keyValues(title, type, pairs, span) {
  if (pairs.length === 0) return null;
  const sorted = [...pairs].sort((a, b) => (a.key < b.key ? -1 : 1));
  return el("section", {}, el("h4", {}, title),
    el("table", { class: `kv ${type}` }, el("tbody", {}, sorted.map((pair) =>
      el("tr", {}, el("th", { scope: "row" }, pair.key), el("td", {}, value(type, pair, span)))))));
}

function value(type, pair, span) {
  const text = String(pair.value);
  const found = tagLinks(type, pair, (key) => lookup(span, key));
  if (found.length === 0) return text;
  return [text, ...found.map((link) => outsideLink(link.url, link.text))].flatMap((part, i) => (i === 0 ? [part] : [" ", part]));
}

// lookup finds what a link pattern names in the span, its process, or the nearest ancestor.
export function lookup(span, key) {
  for (let at = span; at; at = at.parent) {
    const found = at.tag(key) ?? at.processTags.find((t) => t.key === key)?.value;
    if (found !== undefined) return found;
  }
  return undefined;
}

function events(span) {
  if (span.logs.length === 0) return null;
  return el("section", { class: "events" }, el("h4", {}, "Events"),
    span.logs.map((log) => el("div", { class: "event" },
      el("time", { title: formatUTC(log.timestamp) }, `+${formatDuration(log.timestamp - span.start)}`),
      keyValues("", "logs", log.fields, span))));
}

function links(span, trace) {
  if (span.links.length === 0) return null;
  const kinds = { CHILD_OF: "child of", FOLLOWS_FROM: "linked to" };
  return el("section", { class: "links" }, el("h4", {}, "Links"),
    el("ul", {}, span.links.map((link) => {
      const where = link.traceID === trace.traceID ? "a span of this trace" : "another trace";
      return el("li", {}, `${kinds[link.refType] ?? link.refType} ${where}: `,
        el("a", { href: traceURL(link.traceID, link.spanID) }, el("code", {}, link.traceID), " span ", el("code", {}, link.spanID)));
    })));
}
