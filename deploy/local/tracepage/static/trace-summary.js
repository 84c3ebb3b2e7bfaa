// What stands above the waterfall: the order, its services, what is wrong with the trace.

import { el, factList, outsideLink, pageURL } from "./dom.js";
import { tagLinks, traceLinks } from "./link-patterns.js";
import { orderState } from "./order-state.js";
import { lookup } from "./span-details.js";
import { formatDuration, formatLocal, formatUTC } from "./time.js";
import { ORDER_TAG } from "./trace-model.js";

export function summary(trace) {
  const started = el("time", { datetime: new Date(trace.start / 1000).toISOString(), title: formatUTC(trace.start) }, formatLocal(trace.start));
  const facts = [
    ["Started", started],
    ["Duration", formatDuration(trace.duration)],
    ["Spans", String(trace.spans.length)],
    ["Services", String(trace.services.length)],
    ["Depth", String(trace.depth)],
    ["Errors", el("span", { class: trace.errors > 0 ? "errors" : "" }, String(trace.errors))],
  ];
  if (trace.stage) facts.unshift(["Last stage", trace.stage]);
  return el("section", { class: "summary" },
    el("p", { class: "crumbs" }, el("a", { href: pageURL("search") }, "Recent orders")),
    el("h1", {}, trace.order ?? trace.name, trace.order && orderState(trace)),
    el("p", { class: "under" },
      el("span", { class: "quiet" }, "trace ", el("code", {}, trace.traceID)),
      links(trace).map((link) => outsideLink(link.url, link.text))),
    factList(facts));
}

export function legend(trace, color) {
  return el("ul", { class: "chips legend", "aria-label": "Services" }, trace.services.map((s) =>
    el("li", { class: `chip ${color(s.name)}` }, s.name,
      el("span", { class: "quiet" }, ` ${s.spans}`),
      s.errors > 0 && el("span", { class: "errors" }, ` ${s.errors} failed`))));
}

export function warnings(trace) {
  const told = [...trace.warnings];
  if (trace.orphans > 0) {
    const what = trace.orphans === 1
      ? "1 span has a parent that Jaeger does not hold: it is drawn as a root"
      : `${trace.orphans} spans have parents that Jaeger does not hold: they are drawn as roots`;
    told.push(`${what}, marked “no parent”.${trace.outcome ? "" : " The parent may still arrive."}`);
  }
  return el("ul", { class: "warnings", hidden: told.length === 0 }, told.map((text) => el("li", { class: "warning" }, text)));
}

function links(trace) {
  const values = {
    traceID: trace.traceID, traceName: trace.name,
    startTime: trace.start, endTime: trace.end, duration: trace.duration,
  };
  return [...orderLinks(trace), ...traceLinks(values)];
}

// orderLinks come from the first span that knows everything the link patterns ask for.
function orderLinks(trace) {
  for (const span of trace.spans) {
    const tag = span.tags.find((t) => t.key === ORDER_TAG);
    const found = tag ? tagLinks("tags", tag, (key) => lookup(span, key)) : [];
    if (found.length > 0) return found;
  }
  return [];
}
