// Pass every service that Jaeger knows, and a service has the same colour on every page.

const PALETTE = 12; // as in app.css

export function serviceColors(names) {
  const places = new Map([...new Set(names)].sort().map((name, i) => [name, `svc svc-${i % PALETTE}`]));
  return (name) => places.get(name) ?? "svc";
}
