/* The live map. It replaces the server's drawing once Leaflet, the base map and the incidents have loaded; until then, and if
   anything fails, the drawing stays. Filter, search, list, brush and tools load afterwards. */

import { button, element, texts } from "../dom.js";
import { drawBaseMap, letPageScroll, loadBaseMap, loadLeaflet, loadTiles } from "./base-map.js";
import { Incidents } from "./incidents.js";
import { addMarkKeys } from "./keyboard.js";

const figure = document.querySelector("#crime-map");
const data = figure.dataset;
const text = texts(figure);
const MAX_ZOOM = 17; // the same as in crimemap.pages.map_marks
const MAX_AREAS = 3; // named in view
const EDGE_PIXELS = 6; // between the city and the edge of the map
const HINT_MILLISECONDS = 2000;
const FLOWING = matchMedia("(max-height: 33em)"); // the map stands in the page, as at large zoom: see crime-map.css

start();

/* Starts the live map. If anything fails before the map is there, the drawing and its links stay. */
async function start() {
  const baseMapLoading = data.tilesUrl ? null : loadBaseMap(data).catch(() => false);
  loadCityAhead();
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

/* Starts to load what the whole city shows while the scripts are on their way; from the browser's cache, the map has it at once. */
function loadCityAhead() {
  const parts = new URLSearchParams(data.query);
  const isWhole = !["area", "near", "box"].some((name) => parts.has(name)) && !new URLSearchParams(location.search).has("at");
  if (!data.areasUrl || !isWhole) return;
  for (const address of [`${data.areasUrl}?${data.query}`, data.outlinesUrl]) fetch(address, { credentials: "omit" }).then((response) => response.arrayBuffer()).catch(() => {});
}

async function showLiveMap(L, frame, baseMapLoading) {
  const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)").matches;
  frame.setAttribute("role", "group");
  frame.setAttribute("aria-label", text("map"));
  frame.setAttribute("aria-describedby", "map-help");
  frame.classList.toggle("has-tiles", Boolean(data.tilesUrl));
  figure.append(frame);
  const cityBounds = parseBounds(L, data.whole);
  const map = L.map(frame, {
    attributionControl: false,
    zoomControl: false,
    maxZoom: MAX_ZOOM,
    zoomSnap: 0.1, // the city fills the map, whatever the shape of the screen; see crimemap.pages.server_map
    trackResize: false, // tools.js does, without taking it for a move of the visitor
    renderer: L.svg({ padding: 0.4 }), // draw beyond the edge, for when the map is dragged
    maxBoundsViscosity: 1,
    keyboardPanDelta: 60,
    zoomAnimation: !reducedMotion,
    fadeAnimation: !reducedMotion,
    inertia: !reducedMotion,
  });
  if (reducedMotion) map.panBy = (offset, options) => L.Map.prototype.panBy.call(map, offset, { ...options, animate: false });
  const query = new URLSearchParams(location.search);
  showView(L, map, query.get("at"), data.box);
  const [startSide, endSide] = getComputedStyle(figure).direction === "rtl" ? ["right", "left"] : ["left", "right"];
  L.control.zoom({ position: `top${endSide}`, zoomInTitle: text("zoomIn"), zoomOutTitle: text("zoomOut") }).addTo(map);
  const scale = L.control.scale({ position: `bottom${startSide}` }).addTo(map).getContainer();
  if (/^en(-us)?$|-us$/i.test(document.documentElement.lang)) scale.append(scale.firstChild); // miles, then kilometers
  const yieldGestures = letPageScroll(map, null, () => FLOWING.matches, createHint(frame));

  const statusLine = createStatusLine();
  const families = readSymbols("#legend > [data-family]", "family");
  const types = readSymbols("#legend [data-category]", "category");
  let equipment = null;
  let equipped = null;
  let listed = null;
  const incidents = new Incidents(L, map, {
    data,
    families,
    types,
    cityBounds,
    text,
    onCount: (inView) => {
      inView.where = nameAreas(inView.areas);
      statusLine.showCount(inView.total, inView.where);
      showCountsInKeys(inView.families);
      listed = equipped?.updateList(inView);
    },
    onList: async (view, from) => {
      const tools = await equipment.catch(() => null);
      if (tools) tools.stacked.open(incidents.query, view, from);
      else location.assign(`${data.listUrl}?${withBox(incidents.query, view)}`);
    },
    onBusy: (isBusy) => figure.classList.toggle("is-loading", isBusy),
    onFailure: () => statusLine.showError(text("failed"), () => incidents.refresh()),
  });
  // The base map is drawn while the incidents are loading.
  const drawn = data.tilesUrl
    ? loadTiles(map, data, data.areasUrl ? map.getBoundsZoom(cityBounds) + 1 : 0).catch(() => false)
    : baseMapLoading.then((base) => (base ? drawBaseMap(L, map, base) : base));
  const [base] = await Promise.all([drawn, incidents.refresh()]);
  if (base === false || !incidents.known) return removeLiveMap(map, frame); // something failed to load: keep the drawing
  const drawing = figure.querySelector("svg.city");
  frame.classList.toggle("by-change", drawing.classList.contains("by-change"));
  drawing.remove();
  frame.classList.add("is-there");
  const help = Object.assign(element("p", "visually-hidden", text("help")), { id: "map-help" });
  document.querySelector("#moves").replaceWith(help);
  document.querySelector("#said").append(statusLine.node);
  addMarkKeys(map, incidents);
  equipment = import("./tools.js").then(({ equip }) => equip({ L, map, incidents, figure, cityBounds, types, text, statusLine, showView, yieldGestures }));
  figure.dataset.ready = "";
  equipped = await equipment;
  incidents.countInView();
  await listed;
  figure.dataset.equipped = "";
}

/* Returns a function that says for two seconds, once, how the map is moved where one finger and the wheel scroll the page. */
function createHint(frame) {
  let isSaid = false;
  return (isTouch) => {
    if (isSaid) return;
    isSaid = true;
    const hint = frame.appendChild(element("p", "map-hint", text(isTouch ? "twoFingers" : "ctrlWheel")));
    setTimeout(() => hint.remove(), HINT_MILLISECONDS);
  };
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

/* Shows a position ("latitude,longitude,zoom") or, without one, all of a box in the part of the map on which nothing lies. From there
   the map can be moved a quarter beyond the city. */
function showView(L, map, at, box, options = { animate: false }) {
  const [lat, lng, zoom] = (at ?? "").split(",").map(Number);
  const cityBounds = parseBounds(L, data.whole);
  const free = freePart(map);
  map.setMaxBounds(null); // else Leaflet centers a city that is smaller than the map, also under what lies on the map
  map.options.minZoom = 0;
  map.options.minZoom = Math.max(4, map.getBoundsZoom(cityBounds, false, L.point(free.paddingTopLeft).add(free.paddingBottomRight)));
  if (Number.isFinite(zoom)) map.setView([lat, lng], zoom, options);
  else map.fitBounds(parseBounds(L, box), { ...free, ...options, maxZoom: MAX_ZOOM - 1 });
  map.setMaxBounds(cityBounds.pad(0.25).extend(map.getBounds().pad(0.01)));
  map.fire("zoomlevelschange"); // the zoom buttons know the limits
}

/* Returns the edges of the map that the legend, the tools of a phone and the notices cover, in pixels, as options of fitBounds. */
function freePart(map) {
  const frame = map.getContainer().getBoundingClientRect();
  const edges = [...document.querySelectorAll("#keys, #tools, .attr, .attribution")].map((node) => node.getBoundingClientRect()).filter(({ height }) => height);
  const isOver = ({ top, bottom }) => bottom > frame.top && top < frame.bottom;
  const [above, below] = [0, 1].map((half) => edges.filter((edge) => isOver(edge) && Number(edge.top > frame.top + frame.height / 2) === half));
  const top = Math.max(0, ...above.map(({ bottom }) => bottom - frame.top));
  const bottom = Math.max(0, ...below.map((edge) => frame.bottom - edge.top));
  return top + bottom > frame.height / 2 ? { paddingTopLeft: [0, 0], paddingBottomRight: [0, 0] } : { paddingTopLeft: [EDGE_PIXELS, top + EDGE_PIXELS], paddingBottomRight: [EDGE_PIXELS, bottom + EDGE_PIXELS] };
}

function parseBounds(L, box) {
  const [south, west, north, east] = box.split(",").map(Number);
  return L.latLngBounds([south, west], [north, east]);
}

/* Returns the symbols of the form by family or category; the map and the lists draw copies of them. */
function readSymbols(selector, name) {
  return Object.fromEntries(
    [...document.querySelectorAll(selector)].map((line) => {
      const symbol = line.querySelector("label > svg").cloneNode(true);
      symbol.dataset.name = line.querySelector("label > span").textContent;
      symbol.dataset.family = line.closest("[data-family]").dataset.family;
      return [line.dataset[name], symbol];
    }),
  );
}

/* Shows in the legend how many incidents of each family are in view; null: those of the whole selection, as the server says. */
function showCountsInKeys(families) {
  const number = new Intl.NumberFormat(document.documentElement.lang);
  for (const key of document.querySelectorAll("#keys [data-family]")) {
    const count = key.querySelector("b");
    count.dataset.whole = count.dataset.whole ?? count.textContent;
    key.hidden = Boolean(families) && document.querySelector(`#legend > [data-family="${key.dataset.family}"]`)?.dataset.mapped === "0"; // none can be on the map
    count.textContent = families && !key.classList.contains("off") ? number.format(families[key.dataset.family] ?? 0) : count.dataset.whole;
  }
}

/* Names the areas in view, those with more incidents first: "Old Town, Millside, Foundry, and 2 more". */
function nameAreas(names) {
  const rest = names.length - MAX_AREAS;
  const named = rest > 1 ? [...names.slice(0, MAX_AREAS), text("moreAreas", { count: rest })] : names;
  return new Intl.ListFormat(document.documentElement.lang).format(named);
}

/* Creates the status line over the map: counts in view, actions, errors. Screen readers announce it. */
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
    node.classList.remove("is-trouble", "is-quiet");
    message.textContent = sentence;
    persistentMessage = isPersistent ? sentence : "";
  };
  return {
    node,
    say,
    showCount(total, where) {
      const countMessage = text(`inView${total === 1 ? "One" : ""}${where ? "Where" : ""}`, { count: number.format(total), where });
      const previous = persistentMessage;
      say([previous, countMessage].filter(Boolean).join(" "));
      node.classList.toggle("is-quiet", !previous); // the heading of the list says it, too
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
