// The address of /search, read and written as the Jaeger UI does:
// service, operation, tags, tag, minDuration, maxDuration, limit, lookback, start, end (µs), traceID.

import { pageURL } from "./dom.js";
import { ORDER_TAG } from "./trace-model.js";
import { parseLookback } from "./time.js";

export const LOOKBACKS = {
  "1h": "last hour", "12h": "last 12 hours", "2d": "last 2 days",
  "7d": "last 7 days", "30d": "last 30 days", "90d": "last 90 days",
};
export const LIMITS = ["20", "50", "100", "200"];

// An order lives for weeks, so the page looks further back than the Jaeger UI does.
const DEFAULTS = { lookback: "30d", limit: "20" };

// readQuery throws a SyntaxError when tags is not a JSON object.
export function readQuery(search) {
  const params = new URLSearchParams(search);
  const tags = params.get("tags") ? JSON.parse(params.get("tags")) : {};
  if (typeof tags !== "object" || tags === null || Array.isArray(tags)) throw new SyntaxError("tags is not a JSON object");
  for (const pair of params.getAll("tag")) {
    const [key, ...value] = pair.split(":");
    tags[key] = value.join(":");
  }
  const { [ORDER_TAG]: order, ...otherTags } = tags;
  const custom = params.has("start") && params.has("end") && parseLookback(params.get("lookback")) === undefined;
  return {
    service: params.get("service") ?? "",
    operation: params.get("operation") ?? "",
    minDuration: params.get("minDuration") ?? "",
    maxDuration: params.get("maxDuration") ?? "",
    order: order === undefined ? "" : String(order),
    otherTags,
    traceIDs: params.getAll("traceID"),
    lookback: custom ? "custom" : parseLookback(params.get("lookback")) ? params.get("lookback") : DEFAULTS.lookback,
    start: custom ? params.get("start") : "",
    end: custom ? params.get("end") : "",
    limit: /^[1-9]\d{0,3}$/.test(params.get("limit") ?? "") ? params.get("limit") : DEFAULTS.limit,
  };
}

export function searchURL(query) {
  return pageURL("search", {
    ...filters(query),
    service: query.service,
    lookback: query.lookback,
    start: query.start,
    end: query.end,
  });
}

// apiQuery is what the query API is asked, without the service.
export function apiQuery(query, nowMs = Date.now()) {
  const lookback = parseLookback(query.lookback);
  const end = lookback ? nowMs * 1000 : query.end;
  return { ...filters(query), start: lookback ? end - lookback : query.start, end };
}

function filters(query) {
  const tags = query.order ? { ...query.otherTags, [ORDER_TAG]: query.order } : query.otherTags;
  return {
    operation: query.operation === "all" ? "" : query.operation,
    tags: Object.keys(tags).length > 0 ? JSON.stringify(tags) : "",
    minDuration: query.minDuration,
    maxDuration: query.maxDuration,
    limit: query.limit,
  };
}

// otherFilters names the parts of an address that the form has no field for.
export function otherFilters(query) {
  const named = { operation: query.operation, minDuration: query.minDuration, maxDuration: query.maxDuration, ...query.otherTags };
  return Object.entries(named).filter(([, value]) => value !== "").map(([key, value]) => `${key} = ${value}`);
}
