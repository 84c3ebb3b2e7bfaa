// The linkPatterns of Jaeger's UI config: a tag, a process tag, a log field or a
// whole trace becomes a link into another system.
// https://www.jaegertracing.io/docs/latest/deployment/frontend-ui/#link-patterns

import { isWebAddress } from "./dom.js";

const patterns = (window.jaeger.config.linkPatterns ?? []).filter((p) => p.url && p.text);

// tagLinks are {url, text} for one tag; lookup finds the value of any other key that a pattern names.
export function tagLinks(type, tag, lookup) {
  return patterns
    .filter((p) => p.type === type && [p.key].flat().includes(tag.key))
    .map((p) => fill(p, (key) => (key === tag.key ? tag.value : lookup(key))))
    .filter(Boolean);
}

export function traceLinks(values) {
  return patterns.filter((p) => p.type === "traces").map((p) => fill(p, (key) => values[key])).filter(Boolean);
}

// fill gives nothing when a parameter is unknown or the address is not the web's.
function fill(pattern, value) {
  let known = true;
  const put = (template, encode) => template.replace(/#\{([^}]*)\}/g, (_, name) => {
    const found = value(name.trim());
    if (found === undefined) known = false;
    return encode(String(found));
  });
  const url = put(pattern.url, encodeURIComponent);
  const text = put(pattern.text, (s) => s);
  return known && isWebAddress(url) ? { url, text } : undefined;
}
