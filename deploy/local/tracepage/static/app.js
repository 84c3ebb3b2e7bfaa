// Every address is served with the same index.html; here the address chooses the page.

import { el, isWebAddress, notice, outsideLink, pageURL } from "./dom.js";
import { showSearch } from "./search-page.js";
import { showTrace } from "./trace-page.js";

const main = document.getElementById("main");
const path = location.pathname.slice(new URL(document.baseURI).pathname.length);
const [page, id] = path.split("/");

showMenu();
showVersion();
if (page === "" || page === "search") {
  if (page === "") history.replaceState(null, "", pageURL("search") + location.search);
  showSearch(main);
} else if (page === "trace" && id) {
  showTrace(main, decodeURIComponent(id));
} else {
  main.replaceChildren(notice({
    title: "There is no such page here",
    hints: ["This stand-in has the search and the trace pages of the Jaeger UI, no others."],
    actions: [el("a", { href: pageURL("search") }, "Recent orders")],
  }));
}

// The menu comes from Jaeger's UI config; groups are laid out flat.
function showMenu() {
  const entries = (window.jaeger.config.menu ?? []).flatMap((entry) => entry.items ?? [entry]);
  const links = entries.filter((entry) => entry.label && isWebAddress(entry.url));
  document.getElementById("menu").append(...links.map((entry) => outsideLink(entry.url, entry.label)));
}

function showVersion() {
  const version = window.jaeger.version.gitVersion;
  if (version) document.getElementById("version").textContent = `Jaeger ${version}.`;
}
