// /trace/{id}: one order as a waterfall.

import { readServices, readTrace as fetchTrace } from "./api.js";
import { button, el, notice, outsideLink, pageURL } from "./dom.js";
import { tagLinks, traceLinks } from "./link-patterns.js";
import { orderState } from "./order-state.js";
import { serviceColors } from "./service-colors.js";
import { lookup } from "./span-details.js";
import { formatDuration, formatLocal, formatUTC } from "./time.js";
import { ORDER_TAG, readTrace } from "./trace-model.js";
import { Waterfall, newView } from "./waterfall.js";

const LOOK_AGAIN_MS = 5000;

export async function showTrace(main, wantedID) {
  // Jaeger drops leading zeros in some places and accepts capitals in all.
  const traceID = wantedID.toLowerCase().padStart(32, "0");
  document.title = `Trace ${traceID.slice(0, 8)}`;
  if (!/^[0-9a-f]{32}$/.test(traceID)) {
    main.replaceChildren(notAnID(wantedID));
    return;
  }
  const find = new URLSearchParams(location.search).get("uiFind") ?? "";
  const page = { main, traceID, find, first: true, view: newView(), seen: "" };
  main.replaceChildren(el("p", { class: "quiet" }, "Reading the trace from Jaeger …"));
  await load(page);
}

// load reads the trace, draws it if it changed, and looks again while the order is in flight.
async function load(page) {
  clearTimeout(page.timer);
  let again = true;
  try {
    const [raw, services] = await Promise.all([fetchTrace(page.traceID), readServices()]);
    const trace = readTrace(raw);
    again = trace.order !== undefined && !trace.outcome;
    const seen = JSON.stringify(raw);
    if (seen !== page.seen) draw(page, trace, services);
    page.seen = seen;
    tellAge(page, again);
  } catch (err) {
    if (page.seen) tellTrouble(page, err);
    else page.main.replaceChildren(err.status === 404 ? notFound(page) : unavailable(page, err));
  }
  if (again) page.timer = setTimeout(() => whenVisible(() => load(page)), LOOK_AGAIN_MS);
}

function whenVisible(then) {
  if (!document.hidden) then();
  else document.addEventListener("visibilitychange", then, { once: true });
}

function draw(page, trace, services) {
  document.title = `${trace.order ?? trace.name}: trace`;
  const hadFocus = document.activeElement?.classList.contains("row");
  const color = serviceColors([...services, ...trace.services.map((s) => s.name)]);
  const waterfall = new Waterfall(trace, page.view, color);
  page.age = el("span", { class: "quiet age", role: "status" });
  page.main.replaceChildren(
    summary(trace),
    el("ul", { class: "chips legend", "aria-label": "Services" }, trace.services.map((s) =>
      el("li", { class: `chip ${color(s.name)}` }, s.name, el("span", { class: "quiet" }, ` ${s.spans}`), s.errors > 0 && el("span", { class: "errors" }, ` ${s.errors} failed`)))),
    warnings(trace),
    toolbar(page, waterfall),
    waterfall.element);
  if (page.first && page.find) waterfall.reveal(page.find);
  else if (hadFocus) waterfall.element.querySelector('.row[tabindex="0"]')?.focus();
  page.first = false;
}

function summary(trace) {
  const time = (us) => el("time", { datetime: new Date(us / 1000).toISOString(), title: formatUTC(us) }, formatLocal(us));
  const facts = [
    ["Last stage", trace.stage], ["Started", time(trace.start)], ["Duration", formatDuration(trace.duration)],
    ["Spans", trace.spans.length], ["Services", trace.services.length], ["Depth", trace.depth],
    ["Errors", trace.errors > 0 ? el("span", { class: "errors" }, String(trace.errors)) : 0],
  ].filter(([, value]) => value !== undefined);
  const links = [...orderLinks(trace), ...traceLinks({ traceID: trace.traceID, traceName: trace.name, startTime: trace.start, endTime: trace.end, duration: trace.duration })];
  return el("section", { class: "summary" },
    el("p", { class: "crumbs" }, el("a", { href: pageURL("search") }, "Recent orders")),
    el("h1", {}, trace.order ?? trace.name, trace.order && orderState(trace)),
    el("p", { class: "under" }, el("span", { class: "quiet" }, "trace ", el("code", {}, trace.traceID)),
      links.map((link) => outsideLink(link.url, link.text))),
    el("dl", { class: "facts" }, facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value instanceof Node ? value : String(value))))));
}

// orderLinks come from the first span that knows everything the link patterns ask for.
function orderLinks(trace) {
  for (const span of trace.spans) {
    const tag = span.tags.find((t) => t.key === ORDER_TAG);
    const links = tag ? tagLinks("tags", tag, (key) => lookup(span, key)) : [];
    if (links.length > 0) return links;
  }
  return [];
}

function warnings(trace) {
  const told = [...trace.warnings];
  if (trace.orphans > 0) {
    const what = trace.orphans === 1 ? "1 span has a parent that Jaeger does not hold: it is drawn as a root" : `${trace.orphans} spans have parents that Jaeger does not hold: they are drawn as roots`;
    told.push(`${what}, marked “no parent”.${trace.outcome ? "" : " The parent may still arrive."}`);
  }
  return told.length > 0 && el("ul", { class: "warnings" }, told.map((text) => el("li", { class: "warning" }, text)));
}

function toolbar(page, waterfall) {
  const count = el("span", { class: "quiet", role: "status" });
  const input = el("input", { type: "search", name: "uiFind", value: page.find, placeholder: "Find a span", "aria-label": "Find a span by name, service, tag or ID", autocomplete: "off", spellcheck: "false" });
  let found = [], next = 0;
  const mark = () => {
    page.find = input.value;
    const text = page.find.trim().toLowerCase();
    found = waterfall.mark((span) => text !== "" && searchText(span).includes(text));
    next = 0;
    count.textContent = text === "" ? "" : `${found.length} found`;
  };
  const step = (event) => {
    if (event.key !== "Enter" || found.length === 0) return;
    waterfall.reveal(found[next++ % found.length].id);
    input.focus({ preventScroll: true });
  };
  input.addEventListener("input", mark);
  input.addEventListener("keydown", step);
  mark();
  const whole = button("Show the whole trace", () => waterfall.zoom());
  waterfall.onZoom = () => { whole.hidden = !page.view.zoom; };
  waterfall.onZoom();
  return el("div", { class: "toolbar" },
    input, count, whole,
    el("span", { class: "space" }), page.age,
    button("Collapse all", () => waterfall.collapseAll(true)),
    button("Expand all", () => waterfall.collapseAll(false)),
    button("Refresh", () => load(page)));
}

function searchText(span) {
  span.searchText ??= [span.id, span.name, span.service, ...span.tags.map((t) => `${t.key}=${t.value}`)].join("\n").toLowerCase();
  return span.searchText;
}

function tellAge(page, again) {
  page.age.classList.remove("errors");
  page.age.textContent = again ? `In flight: looked at ${clock()}, looks again every ${LOOK_AGAIN_MS / 1000} s` : "";
}

function tellTrouble(page, err) {
  page.age.classList.add("errors");
  page.age.textContent = `Jaeger does not answer (${err.message}); this is what it held before ${clock()}`;
}

function clock() {
  return formatLocal(Date.now() * 1000).slice(11);
}

function notFound(page) {
  return notice({
    title: "Jaeger holds no trace with this ID",
    hints: [
      el("span", {}, "Asked for ", el("code", {}, page.traceID), "."),
      `It may not have arrived yet: spans come in batches, some seconds after they end. This page looks again every ${LOOK_AGAIN_MS / 1000} seconds.`,
      "If the order is old, Jaeger may have dropped it: see ttl.spans in its configuration.",
    ],
    actions: [button("Look again", () => load(page)), el("a", { href: pageURL("search") }, "Recent orders")],
  });
}

function unavailable(page, err) {
  return notice({
    kind: "error",
    title: err.status === 0 ? "Jaeger's query API does not answer" : "Jaeger could not read this trace",
    hints: err.status === 0 ? ["See that Jaeger is running (make up). This page looks again by itself."] : [`It said: ${err.message}`],
    actions: [button("Try again", () => load(page)), el("a", { href: pageURL("search") }, "Recent orders")],
  });
}

function notAnID(id) {
  return notice({
    kind: "error",
    title: "This is not a trace ID",
    hints: [el("span", {}, "A trace ID is up to 32 hexadecimal digits; the address has ", el("code", {}, id), ".")],
    actions: [el("a", { href: pageURL("search") }, "Recent orders")],
  });
}
