import { el } from "./dom.js";

// orderState says how the order ended, or that it has not.
export function orderState({ outcome }) {
  const kind = !outcome ? "" : outcome === "closed" ? "good" : "bad";
  return el("span", { class: `state ${kind}` }, outcome ?? "in progress");
}
