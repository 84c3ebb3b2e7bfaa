// The waterfall: one row a span, its tree on the left, its bar on the right.
// view outlives a redraw: which spans are open or collapsed, and the zoom.

import { el } from "./dom.js";
import { spanDetails } from "./span-details.js";
import { formatDuration, formatExact, ticks } from "./time.js";

const INDENT_LEVELS = 16; // deeper spans are not pushed further right

export const spanKey = (span) => `${span.id}@${span.start}`;

export function newView() {
  return { open: new Set(), collapsed: new Set(), zoom: undefined, focus: undefined };
}

export class Waterfall {
  constructor(trace, view, color) {
    Object.assign(this, { trace, view, color });
    this.rows = trace.spans.map((span, index) => this.#row(span, index));
    this.details = new Map(); // span → its open details
    this.axis = el("div", { class: "axis-ticks", "aria-hidden": "true" });
    this.grid = el("div", { class: "gridlines", "aria-hidden": "true" });
    this.body = el("div", { class: "rows", role: "treegrid", "aria-label": "Spans of this trace", on: {
      click: (event) => this.#clicked(event),
      keydown: (event) => this.#pressed(event),
    } }, this.rows.map((row) => row.node));
    this.element = el("div", { class: "waterfall" },
      el("div", { class: "axis" }, el("div", { class: "axis-name" }, "Service and operation"), this.axis),
      this.grid, this.body);
    for (const span of trace.spans) if (view.open.has(spanKey(span))) this.#open(span);
    this.#showCollapsed();
    this.#scale();
    this.#takeFocus(this.#rowOf(view.focus) ?? this.rows[0], { move: false });
  }

  // reveal opens a span by its ID and brings it into sight.
  reveal(spanID) {
    const row = this.rows.find((r) => r.span.id === spanID);
    if (!row) return false;
    for (let up = row.span.parent; up; up = up.parent) this.view.collapsed.delete(spanKey(up));
    this.#showCollapsed();
    this.#open(row.span);
    this.#takeFocus(row, { move: true });
    row.node.scrollIntoView({ block: "center" });
    return true;
  }

  // mark highlights the rows whose span is wanted, and gives those spans.
  mark(wanted) {
    const marked = [];
    for (const row of this.rows) {
      const hit = wanted(row.span);
      row.node.classList.toggle("found", hit);
      if (hit) marked.push(row.span);
    }
    return marked;
  }

  collapseAll(collapsed) {
    this.view.collapsed = new Set(collapsed ? this.trace.spans.filter((s) => s.children.length > 0).map(spanKey) : []);
    this.#showCollapsed();
  }

  // zoom shows the time of one span with a little air around it; without a span, the whole trace.
  zoom(span) {
    const air = span && Math.max(span.duration * 0.1, 1);
    this.view.zoom = span && {
      from: Math.max(0, span.start - this.trace.start - air),
      to: Math.min(this.trace.duration, span.end - this.trace.start + air),
    };
    this.#scale();
    this.onZoom?.();
  }

  #row(span, index) {
    const collapsible = span.children.length > 0;
    const toggle = collapsible
      ? el("button", { type: "button", class: "toggle", tabindex: "-1", "aria-label": `Collapse or expand ${span.name}` })
      : el("span", { class: "toggle" });
    const name = el("div", { class: "name", role: "rowheader" },
      toggle,
      el("span", { class: "service" }, span.service),
      el("span", { class: "operation", title: span.name }, span.name),
      span.failed && el("span", { class: "mark failed", title: "This span ended in an error" }, "error"),
      !span.failed && span.failedBelow && el("span", { class: "mark below", title: "An error below this span" }, "error below"),
      span.noteworthy && el("span", { class: "mark warned", title: span.warnings.join("\n") }, span.orphan ? "no parent" : "warning"),
      span.links.length > 0 && el("span", { class: "mark linked", title: "Linked to another span" }, "link"));
    name.style.setProperty("--level", Math.min(span.depth, INDENT_LEVELS));
    const bar = el("span", { class: "bar" });
    const label = el("span", { class: "bar-label" }, formatDuration(span.duration));
    const when = `starts ${formatDuration(span.start - this.trace.start)} into the trace, lasts ${formatDuration(span.duration)}`;
    const track = el("div", { class: "track", role: "gridcell", title: when }, bar, label);
    const kind = [span.failed && "failed", span.waiting && "waiting", span.orphan && "orphan"].filter(Boolean).join(" ");
    const node = el("div", {
      class: `row ${this.color(span.service)} ${kind}`, role: "row", tabindex: "-1",
      "data-index": index, "data-span-id": span.id, "aria-level": span.depth + 1,
      "aria-expanded": collapsible ? "true" : null,
    }, name, track);
    return { node, bar, label, span, index };
  }

  #rowOf(key) {
    return key && this.rows.find((row) => spanKey(row.span) === key);
  }

  // #scale puts bars, ticks and grid lines to the zoom.
  #scale() {
    const whole = Math.max(this.trace.duration, 1);
    const { from, to } = this.view.zoom ?? { from: 0, to: whole };
    const place = (offset) => ((offset - from) / (to - from)) * 100;
    for (const { span, bar, label } of this.rows) {
      const start = place(span.start - this.trace.start), end = place(span.end - this.trace.start);
      const outside = end < 0 || start > 100;
      bar.hidden = label.hidden = outside;
      if (outside) continue;
      const left = Math.max(start, 0), right = Math.min(end, 100);
      bar.style.left = `min(${left}%, 100% - var(--bar-min))`;
      bar.style.width = `max(${right - left}%, var(--bar-min))`;
      const side = right < 80 ? "after" : left > 20 ? "before" : "inside";
      label.dataset.side = side;
      label.style.left = side === "after" ? `max(${right}%, ${left}% + var(--bar-min))` : side === "inside" ? `${left}%` : "auto";
      label.style.right = side === "before" ? `max(${100 - left}%, var(--bar-min))` : "auto";
    }
    const offsets = ticks(from, to, 5);
    // Far from the start, what tells ticks apart is their distance from the first one.
    const label = (at) => (from === 0 ? formatDuration(at) : at === offsets[0] ? formatExact(at) : `+${formatDuration(at - offsets[0])}`);
    this.axis.replaceChildren(...offsets.map((at) => atPlace(el("span", { class: place(at) > 92 ? "last" : "" }, label(at)), place(at))));
    this.grid.replaceChildren(...offsets.map((at) => atPlace(el("span"), place(at))));
  }

  #showCollapsed() {
    let hiddenUntil = 0; // rows before this index lie below a collapsed one
    this.rows.forEach((row, index) => {
      const collapsed = this.view.collapsed.has(spanKey(row.span));
      if (row.span.children.length > 0) row.node.setAttribute("aria-expanded", String(!collapsed));
      row.node.hidden = index < hiddenUntil;
      const details = this.details.get(row.span);
      if (details) details.hidden = row.node.hidden;
      if (collapsed) hiddenUntil = Math.max(hiddenUntil, index + 1 + row.span.descendants);
    });
  }

  #toggleCollapsed(span, collapsed = !this.view.collapsed.has(spanKey(span))) {
    if (span.children.length === 0) return;
    this.view.collapsed[collapsed ? "add" : "delete"](spanKey(span));
    this.#showCollapsed();
  }

  #open(span) {
    if (this.details.has(span)) return;
    const row = this.rows[this.trace.spans.indexOf(span)];
    const details = el("div", { class: `details ${this.color(span.service)}`, role: "row" },
      el("div", { role: "gridcell" }, spanDetails(span, this.trace, { onZoom: () => this.zoom(span) })));
    row.node.after(details);
    row.node.classList.add("open");
    this.details.set(span, details);
    this.view.open.add(spanKey(span));
  }

  #close(span) {
    this.details.get(span)?.remove();
    this.details.delete(span);
    this.rows[this.trace.spans.indexOf(span)].node.classList.remove("open");
    this.view.open.delete(spanKey(span));
  }

  #toggleOpen(span) {
    if (this.details.has(span)) this.#close(span);
    else this.#open(span);
  }

  #takeFocus(row, { move }) {
    if (!row) return;
    this.rows[this.focused ?? 0].node.tabIndex = -1;
    this.focused = row.index;
    row.node.tabIndex = 0;
    this.view.focus = spanKey(row.span);
    if (move) row.node.focus();
  }

  #clicked(event) {
    const node = event.target.closest(".row");
    if (!node) return;
    const row = this.rows[Number(node.dataset.index)];
    this.#takeFocus(row, { move: true });
    if (event.target.closest("button.toggle")) this.#toggleCollapsed(row.span);
    else this.#toggleOpen(row.span);
  }

  #pressed(event) {
    if (!event.target.classList.contains("row")) return;
    const row = this.rows[Number(event.target.dataset.index)];
    const { span } = row;
    const parent = span.children.length > 0;
    const collapsed = this.view.collapsed.has(spanKey(span));
    const steps = {
      ArrowDown: () => this.#step(row.index, +1),
      ArrowUp: () => this.#step(row.index, -1),
      Home: () => this.#step(-1, +1),
      End: () => this.#step(this.rows.length, -1),
      ArrowRight: () => (collapsed ? this.#toggleCollapsed(span, false) : this.#toFirstChild(row)),
      ArrowLeft: () => (parent && !collapsed ? this.#toggleCollapsed(span, true) : this.#toParent(row)),
      Enter: () => this.#toggleOpen(span),
      " ": () => this.#toggleOpen(span),
    };
    if (!steps[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    steps[event.key]();
  }

  #toFirstChild(row) {
    if (row.span.children.length > 0) this.#step(row.index, +1);
  }

  #toParent(row) {
    if (row.span.parent) this.#takeFocus(this.#rowOf(spanKey(row.span.parent)), { move: true });
  }

  #step(index, by) {
    for (let at = index + by; at >= 0 && at < this.rows.length; at += by) {
      if (!this.rows[at].node.hidden) return this.#takeFocus(this.rows[at], { move: true });
    }
  }
}

function atPlace(node, percent) {
  node.style.left = `${percent}%`;
  return node;
}
