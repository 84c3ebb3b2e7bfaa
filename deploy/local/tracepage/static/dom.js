// Elements are made here and nowhere else. Every string ends up as text, never as markup.

export function el(tag, attrs = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attrs)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    } else {
      node.setAttribute(name, value === true ? "" : value);
    }
  }
  node.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return node;
}

// pageURL is the address of a page or an API call below the base path, from the
// origin's root on.
// Parameters are name and value, or name and list of values; empty ones are left out.
export function pageURL(path, params = {}) {
  const url = new URL(path, document.baseURI);
  for (const [name, value] of Object.entries(params)) {
    for (const one of [value].flat()) {
      if (one !== undefined && one !== null && one !== "") url.searchParams.append(name, one);
    }
  }
  return url.pathname + url.search;
}

export function traceURL(traceID, find) {
  return pageURL(`trace/${encodeURIComponent(traceID)}`, { uiFind: find });
}

// outsideLink opens another system's page. Anything but http and https stays plain text.
export function outsideLink(href, ...children) {
  if (!isWebAddress(href)) return el("span", {}, ...children);
  return el("a", { href, target: "_blank", rel: "noopener noreferrer", class: "outside" }, ...children);
}

export function isWebAddress(href) {
  try {
    return ["http:", "https:"].includes(new URL(href).protocol);
  } catch {
    return false;
  }
}

// notice tells what happened and what to do about it.
export function notice({ title, hints = [], actions = [], kind = "info" }) {
  return el("section", { class: `notice ${kind}`, role: kind === "error" ? "alert" : "status" },
    el("h2", {}, title),
    hints.length > 0 && el("ul", {}, hints.map((hint) => el("li", {}, hint))),
    actions.length > 0 && el("p", { class: "actions" }, actions));
}

// factList shows [name, text or node] pairs.
export function factList(facts) {
  return el("dl", { class: "facts" }, facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

export function button(label, onClick, attrs = {}) {
  return el("button", { type: "button", ...attrs, on: { click: onClick } }, label);
}
