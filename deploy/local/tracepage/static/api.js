// Jaeger's own query API, on the origin that served the page.

import { pageURL } from "./dom.js";

// APIError: status is the HTTP status, or 0 when nothing answered.
export class APIError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function get(path, params) {
  let response;
  try {
    // The origin has no password in it; the page's own address may, and then
    // browsers fetch nothing that is relative to it.
    response = await fetch(location.origin + pageURL(path, params), { headers: { Accept: "application/json" } });
  } catch (cause) {
    throw new APIError(0, cause.message);
  }
  const body = await response.json().catch(() => ({}));
  const told = body.errors?.[0]?.msg;
  if (!response.ok) throw new APIError(response.status, told ?? response.statusText);
  if (!body.data) throw new APIError(response.status, told ?? "an answer without data");
  return body.data;
}

// readServices is sorted by name; a Jaeger without spans has none.
export async function readServices() {
  const names = await get("api/services").catch((err) => {
    if (err.status === 200) return [];
    throw err;
  });
  return names.sort();
}

export async function readTrace(traceID) {
  const [trace] = await get(`api/traces/${encodeURIComponent(traceID)}`);
  if (!trace) throw new APIError(404, "trace not found");
  return trace;
}

export function readTraces(traceIDs) {
  return get("api/traces", { traceID: traceIDs });
}

// searchTraces asks for one service after the other, because Jaeger wants one
// a query, and joins the answers: newest first, each trace once.
export async function searchTraces(services, query) {
  const found = new Map();
  for (const service of services) {
    for (const trace of await get("api/traces", { ...query, service })) found.set(trace.traceID, trace);
  }
  return [...found.values()];
}
