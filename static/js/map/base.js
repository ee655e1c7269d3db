/* Leaflet and the base map (crimemap.places.base_map), for every map of the portal. Styled by static/css/map.css: the map's
   element has the class "place-map". Nothing comes from another origin. */

import { element, svg } from "../dom.js";

const WIDTHS = { minor: [1, 1.3, 1.8, 3, 6, 11, 20], major: [2, 2.6, 4, 7, 11, 17, 28] };
export const FIRST_ZOOM = 12;
const NAMES_FROM = { major: 14, minor: 15.5 };
const NAME_EVERY = 0.006; // degrees along a street, about 500 metres

/* [base map, Leaflet]. `data`: baseUrl (without it there is no base map), leafletJs, leafletCss and, where the page has not
   loaded it, mapCss. */
export function load(data) {
  return Promise.all([loadBase(data), loadLeaflet(data)]);
}

export async function loadBase({ baseUrl }) {
  if (!baseUrl) return null;
  const answer = await fetch(baseUrl, { credentials: "omit" });
  if (!answer.ok) throw new Error("no base map");
  return answer.json();
}

export async function loadLeaflet({ leafletJs, leafletCss, mapCss }) {
  await Promise.all([window.L ? null : script(leafletJs), ...[leafletCss, mapCss].filter(Boolean).map(stylesheet)]);
  return window.L;
}

function stylesheet(href) {
  const known = document.querySelector(`link[rel="stylesheet"][href="${CSS.escape(href)}"]`);
  return known?.sheet ? null : added(Object.assign(document.createElement("link"), { rel: "stylesheet", href }));
}

function script(src) {
  return added(Object.assign(document.createElement("script"), { src }));
}

function added(node) {
  return new Promise((resolve, reject) => {
    node.addEventListener("load", resolve);
    node.addEventListener("error", reject);
    document.head.append(node);
  });
}

/* Draws the base map on a Leaflet map that has a view. */
export function drawBase(L, map, base) {
  const lines = base.layers.filter((layer) => layer.name !== "labels").flatMap((layer) => drawLayer(L, map, layer));
  const widen = () => lines.forEach((line) => line.setStyle({ weight: line.options.widthAt(map.getZoom()) }));
  map.on("zoomend", widen);
  widen();
  for (const { name, features } of base.layers) if (name === "labels") drawLabels(L, map, features);
  nameStreets(L, map, base);
}

/* One path for all of a rank: a browser draws ten long paths much faster than a thousand short ones. */
function drawLayer(L, map, { name, features }) {
  const isLine = name === "streets" || name === "bridges";
  const drawn = [];
  for (const edge of isLine ? [2, 0] : [0]) {
    for (const { rank, closed, parts } of byRank(features)) {
      const coordinates = L.GeoJSON.coordsToLatLngs(parts, closed ? 2 : 1);
      const options = {
        className: `${edge ? "edge " : ""}${name} ${rank}`.trim(),
        interactive: false,
        weight: 1.5,
        widthAt: isLine ? (zoom) => width(rank, zoom) + edge : () => 1.5,
        fillOpacity: 1,
        opacity: 1,
      };
      drawn.push((closed ? L.polygon(coordinates, options) : L.polyline(coordinates, options)).addTo(map));
    }
  }
  return drawn;
}

function byRank(features) {
  const ranks = new Map();
  for (const { geometry: { type, coordinates }, properties: { rank = "" } } of features) {
    const closed = type.endsWith("Polygon");
    const key = `${rank} ${closed}`;
    if (!ranks.has(key)) ranks.set(key, { rank, closed, parts: [] });
    ranks.get(key).parts.push(...(type.startsWith("Multi") ? coordinates : [coordinates]));
  }
  return ranks.values();
}

function width(rank, zoom) {
  const widths = WIDTHS[rank] ?? WIDTHS.major;
  return widths[Math.max(0, Math.min(widths.length - 1, Math.round(zoom) - FIRST_ZOOM))];
}

function drawLabels(L, map, features) {
  const labels = features.map((feature) => label(L, feature).addTo(map));
  map.on("zoomend", () => thinOut(labels));
  thinOut(labels);
}

function label(L, { geometry: { coordinates: [lng, lat] }, properties: { name, rank } }) {
  const words = element("span", "", name);
  const icon = L.divIcon({ className: `place-label ${rank}`, html: words, iconSize: [0, 0] });
  return L.marker([lat, lng], { icon, interactive: false, keyboard: false });
}

/* Hides each label that would stand on an earlier one. */
function thinOut(labels) {
  const shown = [];
  labels.forEach((each) => (each.getElement().hidden = false));
  const boxes = labels.map((each) => each.getElement().firstElementChild.getBoundingClientRect());
  labels.forEach((each, number) => {
    const box = boxes[number];
    const taken = shown.some((other) => box.left < other.right && other.left < box.right && box.top < other.bottom && other.top < box.bottom);
    each.getElement().hidden = taken;
    if (!taken) shown.push(box);
  });
}

function nameStreets(L, map, base) {
  let spots = null;
  const names = L.layerGroup().addTo(map);
  const name = () => {
    const view = map.getBounds().pad(0.1);
    names.clearLayers();
    if (map.getZoom() < Math.min(...Object.values(NAMES_FROM))) return;
    spots ??= nameSpots(L, base);
    for (const spot of spots) {
      if (map.getZoom() >= NAMES_FROM[spot.rank] && view.contains(spot.at)) names.addLayer(streetName(L, spot));
    }
  };
  map.on("moveend", name);
  name();
}

/* Where street names stand: every half kilometre, along the street. */
function nameSpots(L, base) {
  const spots = [];
  const stretch = Math.cos((base.bounds[0][0] * Math.PI) / 180);
  for (const { features } of base.layers.filter((layer) => layer.name === "streets")) {
    for (const { geometry, properties: { name, rank } } of features) {
      for (const line of geometry.type === "LineString" ? [geometry.coordinates] : geometry.coordinates) {
        let next = NAME_EVERY / 4;
        for (let i = 1; i < line.length; i += 1) {
          const [[x1, y1], [x2, y2]] = [line[i - 1], line[i]];
          const size = Math.hypot((x2 - x1) * stretch, y2 - y1);
          for (; next <= size; next += NAME_EVERY) {
            const at = L.latLng(y1 + ((y2 - y1) * next) / size, x1 + ((x2 - x1) * next) / size);
            spots.push({ name, rank: rank in NAMES_FROM ? rank : "minor", at, turn: upright(-Math.atan2(y2 - y1, (x2 - x1) * stretch)) });
          }
          next -= size;
        }
      }
    }
  }
  return spots;
}

function upright(turn) {
  return turn > Math.PI / 2 ? turn - Math.PI : turn < -Math.PI / 2 ? turn + Math.PI : turn;
}

function streetName(L, { name, at, turn }) {
  const words = element("span", "", name);
  words.style.transform = `translate(-50%, -50%) rotate(${turn.toFixed(3)}rad)`;
  const icon = L.divIcon({ className: "place-label street", html: words, iconSize: [0, 0] });
  return L.marker(at, { icon, interactive: false, keyboard: false });
}

/* Marks the middle of a map for who moves it with the keyboard. */
export function cross() {
  const drawing = svg("0 0 44 44", "M22 3v15M22 26v15M3 22h15M26 22h15", "M22 3v15M22 26v15M3 22h15M26 22h15");
  drawing.classList.add("place-cross");
  drawing.firstChild.classList.add("halo");
  return drawing;
}
