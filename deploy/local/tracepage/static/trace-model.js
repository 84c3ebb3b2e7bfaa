// From the JSON of Jaeger's query API to what the pages draw.
// Times are microseconds since the epoch, durations microseconds.

export const ORDER_TAG = "temporalWorkflowID";
const STAGE_TAG = "order.stage";
const STAGE_NAME = /^[A-Z]+(?:_[A-Z]+)*$/;
// An attempt of the stock interceptor of Temporal's SDK has its stage in its name alone.
const STOCK_ATTEMPT = "RunActivity:";
const LAST_STAGE = "CLOSED";
const OUTCOME_NAME = /^Order (closed|cancelled|canceled|failed|terminated|timed out)$/;

// summarize reads one trace as a row of the list of orders.
export function summarize(raw) {
  const spans = raw.spans.map((span) => readSpan(span, raw.processes));
  const start = spans.reduce((min, s) => Math.min(min, s.start), Infinity);
  const end = spans.reduce((max, s) => Math.max(max, s.end), -Infinity);
  const stage = lastStage(spans);
  return {
    traceID: raw.traceID,
    spans,
    start,
    end,
    duration: end - start,
    name: spans.find((s) => s.start === start)?.name ?? "empty trace",
    order: spans.map((s) => s.tag(ORDER_TAG)).find((v) => v !== undefined),
    stage,
    outcome: spans.map((s) => OUTCOME_NAME.exec(s.name)?.[1]).find(Boolean) ?? (stage === LAST_STAGE ? "closed" : undefined),
    services: countServices(spans),
    errors: spans.filter((s) => s.failed).length,
    warnings: raw.warnings ?? [],
  };
}

// readTrace adds the tree to the summary: spans stand in the order of the
// waterfall, a parent before its children, siblings by start.
export function readTrace(raw) {
  const trace = summarize(raw);
  const roots = linkParents(trace.spans);
  trace.spans = walk(roots, trace.spans);
  trace.depth = trace.spans.reduce((max, s) => Math.max(max, s.depth + 1), 0);
  for (const span of trace.spans) span.noteworthy = span.warnings.length > 0;
  trace.orphans = trace.spans.filter((s) => s.orphan).length;
  return trace;
}

function readSpan(raw, processes) {
  const process = processes[raw.processID] ?? { serviceName: "unknown", tags: [] };
  const tags = raw.tags ?? [];
  const tag = (key) => tags.find((t) => t.key === key)?.value;
  const references = raw.references ?? [];
  const parent = references.find((r) => r.refType === "CHILD_OF" && r.traceID === raw.traceID);
  return {
    id: raw.spanID,
    traceID: raw.traceID,
    name: raw.operationName,
    service: process.serviceName,
    processTags: process.tags ?? [],
    start: raw.startTime,
    end: raw.startTime + raw.duration,
    duration: raw.duration,
    tags,
    tag,
    logs: raw.logs ?? [],
    parentID: parent?.spanID,
    links: references.filter((r) => r !== parent),
    warnings: [...(raw.warnings ?? [])],
    failed: String(tag("error")) === "true" || tag("otel.status_code") === "ERROR",
    waiting: raw.operationName.startsWith("await "),
    children: [],
    depth: 0,
    descendants: 0,
    failedBelow: false,
    orphan: false,
  };
}

// lastStage is the stage of the attempt that began last, of those that did not fail.
function lastStage(spans) {
  const done = spans.filter((s) => !s.failed && !s.waiting).sort((a, b) => b.start - a.start);
  return done.map(stageOf).find((stage) => STAGE_NAME.test(stage));
}

function stageOf(span) {
  if (span.name.startsWith(STOCK_ATTEMPT)) return span.name.slice(STOCK_ATTEMPT.length);
  return span.tag(STAGE_TAG) ?? "";
}

function countServices(spans) {
  const services = new Map();
  for (const { service, failed } of spans) {
    const one = services.get(service) ?? { name: service, spans: 0, errors: 0 };
    one.spans++;
    if (failed) one.errors++;
    services.set(service, one);
  }
  return [...services.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

// linkParents gives the roots: spans without a parent, and those whose parent Jaeger does not hold.
function linkParents(spans) {
  const byID = new Map();
  for (const span of spans) {
    if (byID.has(span.id)) {
      span.warnings.push("another span of this trace has the same ID");
    } else {
      byID.set(span.id, span);
    }
  }
  const roots = [];
  for (const span of spans) {
    const parent = byID.get(span.parentID);
    if (parent && parent !== span) {
      span.parent = parent;
      parent.children.push(span);
      continue;
    }
    if (span.parentID !== undefined) {
      span.orphan = true;
      span.warnings.push(`the parent span ${span.parentID} is not in this trace (yet): drawn as a root`);
    }
    roots.push(span);
  }
  return roots.sort(byStart);
}

const byStart = (a, b) => a.start - b.start || b.duration - a.duration;

// walk is depth first, without recursion: a chain of thousands must not overflow the stack.
// Spans that no root leads to are each other's parents; they become roots, with a warning.
function walk(roots, spans) {
  const rows = [];
  const seen = new Set();
  const visit = (root) => {
    const stack = [root];
    while (stack.length > 0) {
      const span = stack.pop();
      if (seen.has(span)) continue;
      seen.add(span);
      rows.push(span);
      span.children.sort(byStart);
      for (const child of span.children.toReversed()) {
        child.depth = span.depth + 1;
        stack.push(child);
      }
    }
  };
  roots.forEach(visit);
  for (const span of spans) {
    if (seen.has(span)) continue;
    span.parent.children = span.parent.children.filter((child) => child !== span);
    span.parent = undefined;
    span.depth = 0;
    span.warnings.push("its parents go round in a circle: drawn as a root");
    visit(span);
  }
  for (const span of rows.toReversed()) {
    if (!span.parent) continue;
    span.parent.descendants += span.descendants + 1;
    span.parent.failedBelow ||= span.failed || span.failedBelow;
  }
  return rows;
}
