/* Leaflet and the base map (crimemap.places.base_map), for all maps of the portal. The map's element has the class "place-map"
   for static/css/map.css. Nothing is loaded from another origin. */

import { element, svg } from "../dom.js";

const STREET_WIDTHS = { minor: [1, 1.3, 1.8, 3, 6, 11, 20], major: [2, 2.6, 4, 7, 11, 17, 28] };
export const FIRST_ZOOM = 12;
const NAME_MIN_ZOOM = { major: 14, minor: 15.5 };
const NAME_SPACING = 0.006; // degrees along a street, about 500 meters

/* Resolves to [base map, Leaflet]. `data`: baseUrl (without it the base map is null), leafletJs, leafletCss and, if the page has
   not loaded it, mapCss. */
export function loadMap(data) {
  return Promise.all([loadBaseMap(data), loadLeaflet(data)]);
}

export async function loadBaseMap({ baseUrl }) {
  if (!baseUrl) return null;
  const response = await fetch(baseUrl, { credentials: "omit" });
  if (!response.ok) throw new Error("no base map");
  return response.json();
}

/* Adds the tiles of the base map, with the names of areas above the zoom `areaNamesFrom`. What draws them is loaded here, since only
   some maps have tiles. */
export async function loadTiles(map, { tilesUrl, tilesJs }, areaNamesFrom = 0) {
  const [style] = await Promise.all([import("./tile-style.js"), window.protomapsL ? null : loadScript(tilesJs)]);
  style.drawTiles(map, tilesUrl, areaNamesFrom);
}

export async function loadLeaflet({ leafletJs, leafletCss, mapCss }) {
  await Promise.all([window.L ? null : loadScript(leafletJs), ...[leafletCss, mapCss].filter(Boolean).map(loadStylesheet)]);
  return window.L;
}

function loadStylesheet(href) {
  const existing = document.querySelector(`link[rel="stylesheet"][href="${CSS.escape(href)}"]`);
  return existing?.sheet ? null : appendToHead(Object.assign(document.createElement("link"), { rel: "stylesheet", href }));
}

function loadScript(src) {
  return appendToHead(Object.assign(document.createElement("script"), { src }));
}

function appendToHead(node) {
  return new Promise((resolve, reject) => {
    node.addEventListener("load", resolve);
    node.addEventListener("error", reject);
    document.head.append(node);
  });
}

/* Leaves to the page the swipes and wheel turns that cannot move the map, because it shows all of `bounds`, or all of its
   height or width: else people are caught in the map. A wheel zooms such a map only with Ctrl or Command, which is also how
   browsers report a pinch on a touchpad. Without `bounds`, every swipe of one finger and every turn of the wheel are the page's.
   `isInPage()`: whether the page around the map scrolls at all; `onYield(isTouch)` follows what is left to the page. Returns a
   function to call after dragging was switched on or off. */
export function letPageScroll(map, bounds, isInPage = () => true, onYield = () => {}) {
  const frame = map.getContainer();
  const canMove = { sideways: true, upAndDown: true };
  const isFixed = () => isInPage() && !canMove.sideways && !canMove.upAndDown;
  const update = () => {
    if (frame.classList.contains("is-drawing")) return;
    if (!isInPage()) {
      Object.assign(canMove, { sideways: true, upAndDown: true });
      map.dragging.enable();
      frame.style.touchAction = "";
      return;
    }
    if (bounds) {
      const [view, northWest, southEast] = [map.getSize(), map.project(bounds.getNorthWest()), map.project(bounds.getSouthEast())];
      canMove.sideways = southEast.x - northWest.x > view.x + 1;
      canMove.upAndDown = southEast.y - northWest.y > view.y + 1;
    } else Object.assign(canMove, { sideways: false, upAndDown: false });
    map.dragging[isFixed() ? "disable" : "enable"]();
    const forPage = [canMove.sideways ? "" : "pan-x", canMove.upAndDown ? "" : "pan-y"].filter(Boolean);
    frame.style.touchAction = forPage.join(" "); // empty: what leaflet.css says
  };
  const inCapture = { capture: true, passive: true };
  const handleWheel = (event) => {
    if (!isFixed() || event.ctrlKey || event.metaKey) return;
    event.stopImmediatePropagation();
    onYield(false);
  };
  frame.addEventListener("wheel", handleWheel, inCapture);

  // Leaflet cancels every move of a finger; one along an axis that the map cannot move on must not reach it.
  let start = null;
  let isForPage = null; // unknown before the first move
  frame.addEventListener("touchstart", ({ touches }) => ([start, isForPage] = [touches.length === 1 ? touches[0] : null, null]), inCapture);
  const handleMove = (event) => {
    if (!start || event.touches.length > 1 || frame.classList.contains("is-drawing")) return;
    const [across, along] = [event.touches[0].clientX - start.clientX, event.touches[0].clientY - start.clientY].map(Math.abs);
    isForPage = isForPage ?? !(across > along ? canMove.sideways : canMove.upAndDown);
    if (!isForPage) return;
    event.stopPropagation();
    onYield(true);
  };
  frame.addEventListener("touchmove", handleMove, inCapture);
  map.on("moveend zoomend resize", update);
  update();
  return update;
}

/* Draws the base map on a Leaflet map that has a view. */
export function drawBaseMap(L, map, base) {
  map.createPane("land").style.zIndex = 380;
  const lines = base.layers.filter((layer) => layer.name !== "labels").flatMap((layer) => drawLayer(L, map, layer));
  const updateWidths = () => lines.forEach((line) => line.setStyle({ weight: line.options.widthAt(map.getZoom()) }));
  map.on("zoomend", updateWidths);
  updateWidths();
  for (const { name, features } of base.layers) if (name === "labels") drawLabels(L, map, features);
  drawStreetNames(L, map, base);
}

/* Draws one path for each rank: browsers draw ten long paths much faster than a thousand short ones. */
function drawLayer(L, map, { name, features }) {
  const isLine = name === "streets" || name === "bridges";
  const paths = [];
  for (const casingWidth of isLine ? [2, 0] : [0]) {
    for (const { rank, closed, parts } of groupByRank(features)) {
      const coordinates = L.GeoJSON.coordsToLatLngs(parts, closed ? 2 : 1);
      const options = {
        className: `${casingWidth ? "edge " : ""}${name} ${rank}`.trim(),
        pane: name === "land" ? "land" : "overlayPane", // areas are shaded between the two
        interactive: false,
        weight: 1.5,
        widthAt: isLine ? (zoom) => streetWidth(rank, zoom) + casingWidth : () => 1.5,
        fillOpacity: 1,
        opacity: 1,
      };
      paths.push((closed ? L.polygon(coordinates, options) : L.polyline(coordinates, options)).addTo(map));
    }
  }
  return paths;
}

function groupByRank(features) {
  const ranks = new Map();
  for (const { geometry: { type, coordinates }, properties: { rank = "" } } of features) {
    const closed = type.endsWith("Polygon");
    const key = `${rank} ${closed}`;
    if (!ranks.has(key)) ranks.set(key, { rank, closed, parts: [] });
    ranks.get(key).parts.push(...(type.startsWith("Multi") ? coordinates : [coordinates]));
  }
  return ranks.values();
}

function streetWidth(rank, zoom) {
  const widths = STREET_WIDTHS[rank] ?? STREET_WIDTHS.major;
  return widths[Math.max(0, Math.min(widths.length - 1, Math.round(zoom) - FIRST_ZOOM))];
}

function drawLabels(L, map, features) {
  const labels = features.map((feature) => label(L, feature).addTo(map));
  map.on("zoomend", () => hideOverlappingLabels(labels));
  hideOverlappingLabels(labels);
}

function label(L, { geometry: { coordinates: [lng, lat] }, properties: { name, rank } }) {
  const node = element("span", "", name);
  const icon = L.divIcon({ className: `place-label ${rank}`, html: node, iconSize: [0, 0] });
  return L.marker([lat, lng], { icon, interactive: false, keyboard: false });
}

/* Hides each label that would overlap an earlier one. */
function hideOverlappingLabels(labels) {
  const boxesShown = [];
  labels.forEach((each) => (each.getElement().hidden = false));
  const boxes = labels.map((each) => each.getElement().firstElementChild.getBoundingClientRect());
  labels.forEach((each, number) => {
    const box = boxes[number];
    const overlaps = boxesShown.some((other) => box.left < other.right && other.left < box.right && box.top < other.bottom && other.top < box.bottom);
    each.getElement().hidden = overlaps;
    if (!overlaps) boxesShown.push(box);
  });
}

function drawStreetNames(L, map, base) {
  let positions = null;
  const names = L.layerGroup().addTo(map);
  const update = () => {
    const view = map.getBounds().pad(0.1);
    names.clearLayers();
    if (map.getZoom() < Math.min(...Object.values(NAME_MIN_ZOOM))) return;
    positions = positions ?? findNamePositions(L, base);
    for (const position of positions) {
      if (map.getZoom() >= NAME_MIN_ZOOM[position.rank] && view.contains(position.at)) names.addLayer(streetName(L, position));
    }
  };
  map.on("moveend", update);
  update();
}

/* Returns positions for street names, every half kilometer along each street. */
function findNamePositions(L, base) {
  const positions = [];
  const longitudeScale = Math.cos((base.bounds[0][0] * Math.PI) / 180);
  for (const { features } of base.layers.filter((layer) => layer.name === "streets")) {
    for (const { geometry, properties: { name, rank } } of features) {
      for (const line of geometry.type === "LineString" ? [geometry.coordinates] : geometry.coordinates) {
        let next = NAME_SPACING / 4;
        for (let i = 1; i < line.length; i += 1) {
          const [[x1, y1], [x2, y2]] = [line[i - 1], line[i]];
          const size = Math.hypot((x2 - x1) * longitudeScale, y2 - y1);
          for (; next <= size; next += NAME_SPACING) {
            const at = L.latLng(y1 + ((y2 - y1) * next) / size, x1 + ((x2 - x1) * next) / size);
            positions.push({ name, rank: rank in NAME_MIN_ZOOM ? rank : "minor", at, rotation: keepUpright(-Math.atan2(y2 - y1, (x2 - x1) * longitudeScale)) });
          }
          next -= size;
        }
      }
    }
  }
  return positions;
}

function keepUpright(rotation) {
  return rotation > Math.PI / 2 ? rotation - Math.PI : rotation < -Math.PI / 2 ? rotation + Math.PI : rotation;
}

function streetName(L, { name, at, rotation }) {
  const node = element("span", "", name);
  node.style.transform = `translate(-50%, -50%) rotate(${rotation.toFixed(3)}rad)`;
  const icon = L.divIcon({ className: "place-label street", html: node, iconSize: [0, 0] });
  return L.marker(at, { icon, interactive: false, keyboard: false });
}

/* Creates the crosshair that marks the center of a map for people who move it with the keyboard. */
export function createCrosshair() {
  const drawing = svg("0 0 44 44", "M22 3v15M22 26v15M3 22h15M26 22h15", "M22 3v15M22 26v15M3 22h15M26 22h15");
  drawing.classList.add("place-cross");
  drawing.firstChild.classList.add("halo");
  return drawing;
}
