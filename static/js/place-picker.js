/* A point picker on the map, for a form that also works without it.

   The page contains (rendered by {% place_picker %} of crimemap/templatetags/places.py, or written by hand):

     <div data-place-picker hidden
          data-base-url="/map/base/<version>.json"     the base map (crimemap.places.base_map)
          data-leaflet-js="..." data-leaflet-css="..." Leaflet, from our own origin
          data-map-css="..."                           static/css/map.css; may be loaded by the page instead
          data-lat-input="id_latitude" data-lon-input="id_longitude"></div>

   A place chosen in the form (a checked input with data-latitude and data-longitude) moves the map, and is marked by a ring; the
   point remains the reader's choice. The page imports this file once the part with the picker is shown (its URL is in data-module).

   Optional: data-text-* for every text of TEXTS below. Nothing is fetched before the button is pressed, and nothing
   when a point is chosen. The device's location is never used. The two inputs contain degrees with five decimals, or nothing. */

import { button, element, isComposing, shape, svg, texts } from "./dom.js";

const TEXTS = {
  open: "Pick a point on the map",
  close: "Hide the map",
  loading: "The map is loading.",
  failed: "We couldn't load the map. Please tell us in words where it is.",
  chosen: "Point chosen.",
  near: "Point chosen, near {street}.",
  moved: "The map shows {place}. If you know the exact spot, tap it.",
  removed: "Point removed.",
  remove: "Remove the point",
  middle: "Use the center of the map",
  map: "Map of the city",
  help: "Tap the place. With a keyboard: use the arrow keys to move the map, plus and minus to zoom, and Enter to choose the center.",
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
};
const NEAR_METERS = 120;
const PLACE_ZOOM = 16;

function enhance(root) {
  const data = root.dataset;
  const latitude = document.getElementById(data.latInput);
  const longitude = document.getElementById(data.lonInput);
  if (!latitude || !longitude) return;
  const text = texts(root, TEXTS);

  const open = button(text("open"), "btn btn-s btn-line");
  const remove = button(text("remove"), "btn btn-s btn-link");
  const middle = button(text("middle"), "btn btn-s btn-line");
  const status = element("p", "place-status small");
  status.setAttribute("role", "status");
  const help = element("p", "form-text", text("help"));
  help.id = "place-picker-help";
  const frame = element("div", "place-map");
  const content = element("div", "");
  content.id = "place-picker-map";
  content.hidden = true;
  content.append(help, frame, middle);
  open.setAttribute("aria-expanded", "false");
  open.setAttribute("aria-controls", content.id);
  const line = element("div", "acts");
  line.append(open, remove);
  root.append(line, status, content);
  root.hidden = false;

  let picker = null;

  function show(sentence) {
    const chosen = latitude.value !== "" && longitude.value !== "";
    remove.hidden = !chosen;
    status.textContent = sentence ?? (chosen ? sentenceFor() : "");
    picker?.mark(chosen ? [Number(latitude.value), Number(longitude.value)] : null);
  }

  function sentenceFor() {
    const street = picker?.streetNear(Number(latitude.value), Number(longitude.value));
    return street ? text("near", { street }) : text("chosen");
  }

  /* Moves the map to the place that is chosen in the form's list, if one is. */
  function showPlace() {
    const chosen = latitude.form?.querySelector("[data-latitude]:checked");
    picker?.showPlace(chosen ? [Number(chosen.dataset.latitude), Number(chosen.dataset.longitude)] : null);
    if (picker && chosen && latitude.value === "") show(text("moved", { place: chosen.labels[0].querySelector("bdi").textContent }));
  }

  function choose(lat, lng) {
    latitude.value = lat.toFixed(5);
    longitude.value = lng.toFixed(5);
    show();
  }

  function clear(sentence) {
    latitude.value = longitude.value = "";
    show(sentence);
  }

  open.addEventListener("click", async () => {
    const opening = content.hidden;
    content.hidden = !opening;
    open.setAttribute("aria-expanded", String(opening));
    open.textContent = text(opening ? "close" : "open");
    if (!opening || picker) return;
    show(text("loading"));
    try {
      const { FIRST_ZOOM, createCrosshair, drawBaseMap, letPageScroll, loadMap } = await import("./map/base-map.js");
      const [base, L] = await loadMap(data);
      picker = drawMap(L, base, frame, { text, choose, createCrosshair, drawBaseMap, letPageScroll, minZoom: FIRST_ZOOM - 1 });
      show();
      showPlace();
    } catch {
      content.hidden = true;
      open.setAttribute("aria-expanded", "false");
      open.textContent = text("open");
      show(text("failed"));
    }
  });
  remove.addEventListener("click", () => {
    clear(text("removed"));
    open.focus();
  });
  middle.addEventListener("click", () => picker?.chooseMiddle());
  // Of the document: the form and its list of places are replaced by the server's answers.
  document.addEventListener("change", ({ target }) => target.name === "place_ref" && showPlace());
  latitude.form?.addEventListener("reset", () => setTimeout(() => clear("")));
  // Leaving empties the inputs (clear-fields.js); the status must not reveal what they contained after coming back.
  window.addEventListener("pageshow", () => show());
  show();
}

/* Draws the map in `frame`. Returns { chooseMiddle, mark, showPlace, streetNear } for the form. */
function drawMap(L, base, frame, { text, choose, createCrosshair, drawBaseMap, letPageScroll, minZoom }) {
  const map = L.map(frame, {
    attributionControl: false,
    zoomControl: false,
    minZoom,
    maxZoom: 18,
    zoomSnap: 0.5,
    maxBounds: L.latLngBounds(base.bounds).pad(0.15),
    maxBoundsViscosity: 1,
    keyboardPanDelta: 40,
  });
  map.fitBounds(base.bounds);
  L.control.zoom({ position: "topright", zoomInTitle: text("zoomIn"), zoomOutTitle: text("zoomOut") }).addTo(map);
  frame.setAttribute("role", "application");
  frame.setAttribute("aria-label", text("map"));
  frame.setAttribute("aria-describedby", "place-picker-help");
  frame.append(createCrosshair());

  drawBaseMap(L, map, base);
  letPageScroll(map, L.latLngBounds(base.bounds));

  let pin = null;
  let ring = null;
  const choosePoint = (point) => {
    map.panTo(point);
    choose(point.lat, point.lng);
  };
  map.on("click", (event) => choosePoint(event.latlng));
  frame.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target !== frame || isComposing(event)) return;
    event.preventDefault();
    choosePoint(map.getCenter());
  });
  return {
    chooseMiddle: () => choosePoint(map.getCenter()),
    mark(point) {
      pin?.remove();
      pin = point && L.marker(point, { icon: pinIcon(L), keyboard: false, interactive: false }).addTo(map);
    },
    showPlace(point) {
      ring?.remove();
      ring = point && L.circleMarker(point, { radius: 22, className: "place-ring", interactive: false }).addTo(map);
      if (point) map.setView(point, PLACE_ZOOM, { animate: false });
    },
    streetNear: (lat, lng) => nearestStreet(map, base, L.latLng(lat, lng)),
  };
}

function pinIcon(L) {
  const drawing = svg("0 0 24 32", "M12 31C11 22 2 20 2 11a10 10 0 1 1 20 0c0 9-9 11-10 20z");
  drawing.append(shape("circle", { cx: 12, cy: 11, r: 4 }));
  return L.divIcon({ className: "place-pin", html: drawing, iconSize: [36, 48], iconAnchor: [18, 47] });
}

/* Returns the name of the street nearest to a point, or "" if none is within NEAR_METERS. */
function nearestStreet(map, base, point) {
  const pixel = map.project(point, 18);
  let best = "";
  let least = Infinity;
  for (const { features } of base.layers.filter((layer) => layer.name === "streets")) {
    for (const { geometry, properties } of features) {
      const lines = geometry.type === "LineString" ? [geometry.coordinates] : geometry.coordinates;
      for (const line of lines) {
        const points = line.map(([lng, lat]) => map.project([lat, lng], 18));
        for (let i = 1; i < points.length; i += 1) {
          const distance = distanceToSegment(pixel, points[i - 1], points[i]);
          if (distance < least) [least, best] = [distance, properties.name ?? ""];
        }
      }
    }
  }
  const pixelsPerMeter = 1 / (map.distance(map.unproject([pixel.x, pixel.y], 18), map.unproject([pixel.x + 1, pixel.y], 18)) || 1);
  return least <= NEAR_METERS * pixelsPerMeter ? best : "";
}

function distanceToSegment(p, a, b) {
  const span = (b.x - a.x) ** 2 + (b.y - a.y) ** 2;
  const along = span ? Math.max(0, Math.min(1, ((p.x - a.x) * (b.x - a.x) + (p.y - a.y) * (b.y - a.y)) / span)) : 0;
  return Math.hypot(p.x - a.x - (b.x - a.x) * along, p.y - a.y - (b.y - a.y) * along);
}

document.querySelectorAll("[data-place-picker]").forEach(enhance);
