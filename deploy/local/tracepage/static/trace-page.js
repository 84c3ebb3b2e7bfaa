// /trace/{id}: one order as a waterfall.

import { readServices, readTrace as fetchTrace } from "./api.js";
import { button, el, notice, pageURL } from "./dom.js";
import { serviceColors } from "./service-colors.js";
import { formatLocal } from "./time.js";
import { readTrace } from "./trace-model.js";
import { legend, summary, warnings } from "./trace-summary.js";
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
  clearTimeout(page.timer);
  if (again) page.timer = setTimeout(() => whenVisible(() => load(page)), LOOK_AGAIN_MS);
}

function whenVisible(then) {
  if (!document.hidden) then();
  else document.addEventListener("visibilitychange", then, { once: true });
}

function draw(page, trace, services) {
  document.title = `${trace.order ?? trace.name}: trace`;
  const focused = focusedControl();
  const color = serviceColors([...services, ...trace.services.map((s) => s.name)]);
  const waterfall = new Waterfall(trace, page.view, color);
  page.age = el("span", { class: "quiet age", role: "status" });
  page.main.replaceChildren(
    summary(trace),
    legend(trace, color),
    warnings(trace),
    toolbar(page, waterfall),
    waterfall.element);
  if (page.first && page.find) waterfall.reveal(page.find);
  else focused.restore(page.main);
  page.first = false;
}

// focusedControl remembers where the keyboard is, so that a redraw does not take it away.
function focusedControl() {
  const at = document.activeElement;
  const selector = at?.matches(".row") ? '.row[tabindex="0"]' : at?.name && `[name="${at.name}"]`;
  const caret = at?.selectionStart;
  return {
    restore(within) {
      const same = selector && within.querySelector(selector);
      same?.focus({ preventScroll: true });
      if (Number.isInteger(caret)) same?.setSelectionRange?.(caret, caret);
    },
  };
}

function toolbar(page, waterfall) {
  const count = el("span", { class: "quiet", role: "status" });
  const input = el("input", {
    type: "search", name: "uiFind", value: page.find, placeholder: "Find a span",
    "aria-label": "Find a span by name, service, tag or ID", autocomplete: "off", spellcheck: "false",
  });
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
    button("Collapse all", () => waterfall.collapseAll(true), { name: "collapse" }),
    button("Expand all", () => waterfall.collapseAll(false), { name: "expand" }),
    button("Refresh", () => load(page), { name: "refresh" }));
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
