/* The live map. It replaces the server's drawing once Leaflet, the base map and the incidents have loaded; until then, and if
   anything fails, the drawing stays. Filter, search, month slider and tools load afterwards. */

import { button, element, texts } from "../dom.js";
import { drawBaseMap, letPageScroll, loadBaseMap, loadLeaflet, loadTiles } from "./base-map.js";
import { Bubbles } from "./bubbles.js";

const figure = document.querySelector("#crime-map");
const data = figure.dataset;
const text = texts(figure);
const MAX_ZOOM = 17; // the same as in crimemap.pages.server_map

start();

/* Starts the live map. If anything fails before the map is there, the drawing and its links stay. */
async function start() {
  const baseMapLoading = data.tilesUrl ? null : loadBaseMap(data).catch(() => false);
  const L = await loadLeaflet(data).catch(() => null);
  if (!L) return;
  const frame = element("div", "place-map live-map");
  try {
    await showLiveMap(L, frame, baseMapLoading);
  } catch (error) {
    if (!frame.classList.contains("is-there")) frame.remove();
    throw error;
  }
}

async function showLiveMap(L, frame, baseMapLoading) {
  const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)").matches;
  frame.setAttribute("role", "application");
  frame.setAttribute("aria-label", text("map"));
  frame.setAttribute("aria-describedby", "map-help");
  figure.append(frame);
  const cityBounds = parseBounds(L, data.whole);
  const map = L.map(frame, {
    attributionControl: false,
    zoomControl: false,
    maxZoom: MAX_ZOOM,
    zoomSnap: 0.5,
    renderer: L.svg({ padding: 0.4 }), // draw beyond the edge: a printed page can be wider than the screen
    maxBounds: cityBounds,
    maxBoundsViscosity: 1,
    keyboardPanDelta: 60,
    zoomAnimation: !reducedMotion,
    fadeAnimation: !reducedMotion,
    inertia: !reducedMotion,
  });
  if (reducedMotion) map.panBy = (offset, options) => L.Map.prototype.panBy.call(map, offset, { ...options, animate: false });
  map.setMinZoom(Math.max(4, map.getBoundsZoom(cityBounds)));
  const query = new URLSearchParams(location.search);
  showView(L, map, query.get("at"), data.box);
  L.control.zoom({ position: "topright", zoomInTitle: text("zoomIn"), zoomOutTitle: text("zoomOut") }).addTo(map);
  const scale = L.control.scale({ position: "bottomleft" }).addTo(map).getContainer();
  if (/^en(-us)?$|-us$/i.test(document.documentElement.lang)) scale.append(scale.firstChild); // miles, then kilometers
  const yieldGestures = letPageScroll(map, cityBounds);

  const statusLine = createStatusLine();
  const symbols = readLegendSymbols(document.querySelector("#legend"));
  const names = Object.fromEntries(Object.keys(symbols).map((slug) => [slug, symbols[slug].dataset.name]));
  let equipment = null;
  const bubbles = new Bubbles(L, map, {
    url: data.bubblesUrl,
    query: data.query,
    symbols,
    names,
    text,
    onCount: ({ total, families }) => {
      statusLine.showCount(total);
      showCountsInLegend(families);
    },
    onList: async (view, from) => {
      const tools = await equipment.catch(() => null);
      if (tools) tools.stacked.open(bubbles.query, view, from);
      else location.assign(`${data.listUrl}?${withBox(bubbles.query, view)}`);
    },
    onBusy: (isBusy) => figure.classList.toggle("is-loading", isBusy),
    onFailure: () => statusLine.showError(text("failed"), () => bubbles.refresh()),
  });
  // The base map is drawn while the incidents are loading.
  const drawn = data.tilesUrl
    ? loadTiles(map, data).catch(() => false)
    : baseMapLoading.then((base) => (base ? drawBaseMap(L, map, base) : base));
  const [base] = await Promise.all([drawn, bubbles.refresh()]);
  if (base === false || !bubbles.known) return removeLiveMap(map, frame); // something failed to load: keep the drawing
  figure.querySelector("svg.city").remove();
  frame.classList.add("is-there");
  const help = Object.assign(element("p", "visually-hidden", text("help")), { id: "map-help" });
  document.querySelector("#moves").replaceWith(help, statusLine.node);
  equipment = import("./tools.js").then(({ equip }) => equip({ L, map, bubbles, figure, cityBounds, symbols, text, statusLine, showView, yieldGestures }));
  figure.dataset.ready = "";
  await equipment;
  figure.dataset.equipped = "";
}

function withBox(query, edges) {
  const parts = new URLSearchParams(query);
  parts.set("box", edges.map((degrees) => degrees.toFixed(5)).join());
  return parts;
}

function removeLiveMap(map, frame) {
  map.remove();
  frame.remove();
}

/* Shows a position ("latitude,longitude,zoom") or, without one, all of a box. */
function showView(L, map, at, box, options = { animate: false }) {
  const [lat, lng, zoom] = (at ?? "").split(",").map(Number);
  if (Number.isFinite(zoom)) map.setView([lat, lng], zoom, options);
  else map.fitBounds(parseBounds(L, box), { ...options, maxZoom: MAX_ZOOM - 1 });
}

function parseBounds(L, box) {
  const [south, west, north, east] = box.split(",").map(Number);
  return L.latLngBounds([south, west], [north, east]);
}

/* Returns the legend's symbols by family; the map and the lists draw copies of them. */
function readLegendSymbols(legend) {
  return Object.fromEntries(
    [...legend.querySelectorAll("[data-family]")].map((line) => {
      const symbol = line.querySelector("svg.sym").cloneNode(true);
      symbol.dataset.name = line.querySelector("label > span").textContent;
      return [line.dataset.family, symbol];
    }),
  );
}

/* Shows how many incidents of each family are in view, beside the counts of the whole selection. */
function showCountsInLegend(families) {
  for (const line of document.querySelectorAll("#legend [data-family]")) {
    let inView = line.querySelector("label .seen");
    if (!inView) {
      inView = element("span", "seen");
      line.querySelector("label > span").append(inView);
    }
    const number = new Intl.NumberFormat(document.documentElement.lang).format(families[line.dataset.family] ?? 0);
    const isUnmapped = line.dataset.mapped === "0" && line.querySelector(".count").textContent !== "0";
    inView.textContent = isUnmapped ? text("unmapped") : text("seen", { count: number });
  }
}

/* Creates the status line below the map: counts in view, actions, errors. Screen readers announce it. */
function createStatusLine() {
  const node = element("div", "map-said");
  const message = element("p");
  message.setAttribute("role", "status");
  const retryButton = button(text("again"), "btn btn-s btn-line");
  retryButton.hidden = true;
  node.append(message, retryButton);
  const number = new Intl.NumberFormat(document.documentElement.lang);
  let persistentMessage = "";
  const say = (sentence, isPersistent = false) => {
    retryButton.hidden = true;
    node.classList.remove("is-trouble");
    message.textContent = sentence;
    persistentMessage = isPersistent ? sentence : "";
  };
  return {
    node,
    say,
    showCount(total) {
      const countMessage = text(total === 1 ? "inViewOne" : "inView", { count: number.format(total) });
      const previous = persistentMessage;
      say([previous, countMessage].filter(Boolean).join(" "));
      persistentMessage = previous;
    },
    clearPersistent() {
      persistentMessage = "";
    },
    showError(sentence, retry) {
      say(sentence);
      node.classList.add("is-trouble");
      retryButton.hidden = !retry;
      retryButton.onclick = retry;
    },
  };
}
