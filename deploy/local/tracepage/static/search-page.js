// /search: recent orders, one row a trace.

import { readServices, readTraces, searchTraces } from "./api.js";
import { button, el, notice, pageURL, traceURL } from "./dom.js";
import { orderState } from "./order-state.js";
import { LIMITS, LOOKBACKS, apiQuery, otherFilters, readQuery, searchURL } from "./search-query.js";
import { serviceColors } from "./service-colors.js";
import { formatAgo, formatDuration, formatLocal, formatUTC } from "./time.js";
import { ORDER_TAG, summarize } from "./trace-model.js";

const TRACE_ID = /^[0-9a-f]{32}$/i;

export async function showSearch(main) {
  document.title = "Orders: traces";
  const results = el("section", { class: "results", "aria-live": "polite", "aria-label": "Orders found" });
  let query;
  try {
    query = readQuery(location.search);
  } catch (err) {
    main.replaceChildren(badAddress(err));
    return;
  }
  const form = searchForm(query);
  main.replaceChildren(el("h1", {}, "Recent orders"), form, results);
  const load = async () => {
    results.replaceChildren(el("p", { class: "quiet" }, "Reading traces from Jaeger …"));
    try {
      const services = await readServices();
      form.elements.service.replaceChildren(...options(serviceNames(query, services), query.service));
      const traces = await find(query, services);
      results.replaceChildren(...list(traces, services, query));
    } catch (err) {
      results.replaceChildren(unavailable(err, load));
    }
  };
  await load();
}

// Without a service in the address every service is asked, except Jaeger itself.
async function find(query, services) {
  const wanted = query.service ? [query.service] : services.filter((name) => name !== "jaeger");
  const raw = query.traceIDs.length > 0
    ? await readTraces(query.traceIDs)
    : await searchTraces(wanted, apiQuery(query));
  const newest = raw.map(summarize).sort((a, b) => b.start - a.start);
  return query.traceIDs.length > 0 ? newest : newest.slice(0, Number(query.limit));
}

function searchForm(query) {
  const fields = new Map();
  const field = (name, label, control) => {
    fields.set(name, control);
    return el("label", { class: `field field-${name}` }, el("span", {}, label), control);
  };
  const select = (name, choices, value) => el("select", { name }, options(choices, value));
  const lookbacks = { ...LOOKBACKS };
  lookbacks[query.lookback] ??= query.lookback === "custom" ? "as in the address" : `last ${query.lookback}`;
  const limits = [...new Set([...LIMITS, query.limit])].sort((a, b) => a - b);

  const submit = (event) => {
    event.preventDefault();
    const value = (name) => fields.get(name).value.trim();
    if (TRACE_ID.test(value("find"))) {
      location.assign(traceURL(value("find").toLowerCase()));
      return;
    }
    location.assign(searchURL({
      ...query, order: value("find"), service: value("service"), lookback: value("lookback"), limit: value("limit"),
    }));
  };
  const others = otherFilters(query);
  return el("form", { class: "search", role: "search", on: { submit } },
    field("find", "Order number or trace ID", el("input", {
      type: "search", name: "find", value: query.order, placeholder: "all orders", autocomplete: "off", spellcheck: "false",
    })),
    field("service", "Service", select("service", serviceNames(query, []), query.service)),
    field("lookback", "Time", select("lookback", lookbacks, query.lookback)),
    field("limit", "At most", select("limit", same(limits), query.limit)),
    el("button", { type: "submit", class: "primary" }, "Find"),
    others.length > 0 && el("p", { class: "others" }, "Also filtered by ", others.join(", "), " ", el("a", { href: pageURL("search") }, "clear")));
}

const same = (names) => Object.fromEntries(names.map((name) => [name, name]));

function serviceNames(query, services) {
  return { "": "all services", ...same([...services, query.service].filter(Boolean)) };
}

function options(choices, chosen) {
  return Object.entries(choices).map(([value, text]) => el("option", { value, selected: value === chosen }, text));
}

function list(traces, services, query) {
  if (traces.length === 0) return [nothingFound(services, query)];
  const color = serviceColors([...services, ...traces.flatMap((t) => t.services.map((s) => s.name))]);
  const full = query.traceIDs.length === 0 && traces.length >= Number(query.limit);
  const count = `${traces.length} ${traces.length === 1 ? "trace" : "traces"}, newest first.`;
  const head = ["Order", "Last stage", "Started", "Duration", "Spans", "Services", "Errors"];
  return [
    el("p", { class: "quiet count" }, count, full && " There may be more: raise “At most”."),
    el("table", { class: "orders" },
      el("thead", {}, el("tr", {}, head.map((text) => el("th", { scope: "col" }, text)))),
      el("tbody", {}, traces.map((trace) => orderRow(trace, color)))),
  ];
}

function orderRow(trace, color) {
  const cell = (label, ...children) => el("td", { "data-label": label }, ...children);
  return el("tr", { "data-trace-id": trace.traceID },
    cell("Order",
      el("a", { class: "row-link", href: traceURL(trace.traceID) }, trace.order ?? trace.name),
      !trace.order && el("span", { class: "state" }, "no order number"),
      el("span", { class: "id" }, trace.traceID)),
    cell("Last stage",
      el("span", { class: "stage" }, trace.stage ?? (trace.order ? "none yet" : "none")),
      trace.order && orderState(trace)),
    cell("Started",
      el("time", { datetime: new Date(trace.start / 1000).toISOString(), title: formatUTC(trace.start) }, formatLocal(trace.start)),
      el("span", { class: "quiet" }, formatAgo(trace.start))),
    cell("Duration", formatDuration(trace.duration)),
    cell("Spans", String(trace.spans.length)),
    cell("Services", el("span", { class: "chips" }, trace.services.map((s) =>
      el("span", { class: `chip ${color(s.name)}`, title: `${s.spans} spans` }, s.name)))),
    cell("Errors", trace.errors > 0 ? el("span", { class: "errors" }, String(trace.errors)) : "0"));
}

function nothingFound(services, query) {
  if (services.length === 0) {
    return notice({
      title: "Jaeger holds no traces yet",
      hints: [
        "Start an order: bin/starter order --model FILE",
        "If one was started, its spans may still be on their way: look again in a few seconds.",
        "If none ever come, see that OTEL_EXPORTER_OTLP_ENDPOINT of the workers names this Jaeger, and OTEL_EXPORTER_OTLP_HEADERS who may send to it.",
      ],
      actions: [button("Look again", () => location.reload())],
    });
  }
  const hints = ["Look further back in time, or in all services."];
  if (query.order) hints.unshift(`Check the order number: ${query.order} must be written in full, as in the tag ${ORDER_TAG}.`);
  return notice({ title: "No order fits this search", hints, actions: [el("a", { href: pageURL("search") }, "Show all recent orders")] });
}

function unavailable(err, retry) {
  const title = err.status === 0 ? "Jaeger's query API does not answer" : "Jaeger refused this search";
  const hints = err.status === 0
    ? ["See that Jaeger is running (make up), then try again."]
    : [`It said: ${err.message}`, "Change the search, or start afresh from the list of recent orders."];
  return notice({ kind: "error", title, hints, actions: [button("Try again", retry), el("a", { href: pageURL("search") }, "Recent orders")] });
}

function badAddress(err) {
  return notice({
    kind: "error",
    title: "This address cannot be read",
    hints: [`The parameter tags must be a JSON object such as {"${ORDER_TAG}":"A-1"}: ${err.message}`],
    actions: [el("a", { href: pageURL("search") }, "Recent orders")],
  });
}
