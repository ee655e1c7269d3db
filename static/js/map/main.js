/* The map with script. Takes the place of the server's drawing once Leaflet, the base map and the incidents are there; until
   then, and where anything fails, the drawing stays. The rest (filter, search, slider, tools) comes after. */

import { button, element, texts } from "../dom.js";
import { drawBase, loadBase, loadLeaflet } from "./base.js";
import { Bubbles } from "./bubbles.js";

const figure = document.querySelector("#crime-map");
const data = figure.dataset;
const text = texts(figure);
const DEEPEST = 17; // zoom: as crimemap.pages.server_map has it

start();

async function start() {
  const coming = loadBase(data).catch(() => false);
  const L = await loadLeaflet(data).catch(() => null);
  if (!L) return;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const frame = element("div", "place-map live-map");
  frame.setAttribute("role", "application");
  frame.setAttribute("aria-label", text("map"));
  frame.setAttribute("aria-describedby", "map-help");
  figure.append(frame);
  const within = boundsOf(L, data.whole);
  const map = L.map(frame, {
    attributionControl: false,
    zoomControl: false,
    maxZoom: DEEPEST,
    zoomSnap: 0.5,
    renderer: L.svg({ padding: 0.4 }), // beyond the edge: paper is wider than it may seem
    maxBounds: within,
    maxBoundsViscosity: 1,
    keyboardPanDelta: 60,
    zoomAnimation: !calm,
    fadeAnimation: !calm,
    inertia: !calm,
  });
  if (calm) map.panBy = (offset, options) => L.Map.prototype.panBy.call(map, offset, { ...options, animate: false });
  map.setMinZoom(Math.max(4, map.getBoundsZoom(within)));
  const address = new URLSearchParams(location.search);
  look(L, map, address.get("at"), data.box);
  L.control.zoom({ position: "topright", zoomInTitle: text("zoomIn"), zoomOutTitle: text("zoomOut") }).addTo(map);
  L.control.scale({ position: "bottomleft" }).addTo(map);

  const said = speaker();
  const symbols = symbolsOf(document.querySelector("#legend"));
  const names = Object.fromEntries(Object.keys(symbols).map((slug) => [slug, symbols[slug].dataset.name]));
  let tooling = null;
  const bubbles = new Bubbles(L, map, {
    url: data.bubblesUrl,
    query: data.query,
    symbols,
    names,
    text,
    seen: ({ total, families }) => {
      said.count(total);
      tellLegend(families);
    },
    open: async (view, from) => (await tooling).stacked.open(bubbles.query, view, from),
    busy: (is) => figure.classList.toggle("is-loading", is),
    failed: () => said.trouble(text("failed"), () => bubbles.refresh()),
  });
  // The base map is drawn while the incidents are on their way.
  const drawn = coming.then((base) => (base ? drawBase(L, map, base) : base));
  const [base] = await Promise.all([drawn, bubbles.refresh()]);
  if (base === false || !bubbles.known) return leave(map, frame); // not all came: the drawing stays
  figure.querySelector("svg.city").remove();
  frame.classList.add("is-there");
  const help = Object.assign(element("p", "visually-hidden", text("help")), { id: "map-help" });
  document.querySelector("#moves").replaceWith(help, said.line);
  matchMedia("print").addEventListener("change", () => map.invalidateSize({ animate: false }));
  tooling = import("./tools.js").then(({ equip }) => equip({ L, map, bubbles, figure, within, symbols, text, said, look }));
  figure.dataset.ready = "";
  await tooling;
  figure.dataset.equipped = "";
}

function leave(map, frame) {
  map.remove();
  frame.remove();
}

/* Shows the place that the address names ("latitude,longitude,zoom"), or all of a box. */
function look(L, map, at, box, options = { animate: false }) {
  const [lat, lng, zoom] = (at ?? "").split(",").map(Number);
  if (Number.isFinite(zoom)) map.setView([lat, lng], zoom, options);
  else map.fitBounds(boundsOf(L, box), { ...options, maxZoom: DEEPEST - 1 });
}

function boundsOf(L, box) {
  const [south, west, north, east] = box.split(",").map(Number);
  return L.latLngBounds([south, west], [north, east]);
}

/* The symbols of the legend: the map and the lists draw copies of them. */
function symbolsOf(legend) {
  return Object.fromEntries(
    [...legend.querySelectorAll("[data-family]")].map((line) => {
      const symbol = line.querySelector("svg.sym").cloneNode(true);
      symbol.dataset.name = line.querySelector("label > span").textContent;
      return [line.dataset.family, symbol];
    }),
  );
}

/* How many of each family are in view, beside the counts of the whole selection. */
function tellLegend(families) {
  for (const line of document.querySelectorAll("#legend [data-family]")) {
    let seen = line.querySelector("label .seen");
    if (!seen) {
      seen = element("span", "seen");
      line.querySelector("label > span").append(seen);
    }
    const number = new Intl.NumberFormat(document.documentElement.lang).format(families[line.dataset.family] ?? 0);
    seen.textContent = text("seen", { count: number });
  }
}

/* The line below the map: what is in view, what was done, what went wrong. Screen readers hear it. */
function speaker() {
  const line = element("div", "map-said");
  const words = element("p");
  words.setAttribute("role", "status");
  const again = button(text("again"), "btn btn-s btn-line");
  again.hidden = true;
  line.append(words, again);
  const number = new Intl.NumberFormat(document.documentElement.lang);
  let lasting = "";
  const say = (sentence, stays = false) => {
    again.hidden = true;
    line.classList.remove("is-trouble");
    words.textContent = sentence;
    lasting = stays ? sentence : "";
  };
  return {
    line,
    say,
    count(total) {
      const counted = text(total === 1 ? "inViewOne" : "inView", { count: number.format(total) });
      const kept = lasting;
      say([kept, counted].filter(Boolean).join(" "));
      lasting = kept;
    },
    quiet() {
      lasting = "";
    },
    trouble(sentence, retry) {
      say(sentence);
      line.classList.add("is-trouble");
      again.hidden = !retry;
      again.onclick = retry;
    },
  };
}
