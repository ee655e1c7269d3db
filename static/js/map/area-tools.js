/* Tools to select a part of the map instead of a named area: near me, around the center, a box. Also draws the filter's part.

   The visitor's exact position stays on the device: it is snapped to a grid of 0.005 degrees before any use, the view of the
   map included, so that everyone within one cell of the grid sends exactly the same request. */

import { button, element, shape } from "../dom.js";
import { createCrosshair } from "./base-map.js";

const GRID_DEGREES = 0.005; // moves a position by at most 400 meters
const NEAR_ME_METERS = 1000;
const MIN_DRAG_PIXELS = 8; // a shorter drag is a tap

export function createFilterLayer(L, map, style = { className: "chosen", interactive: false }) {
  const layer = L.layerGroup().addTo(map);
  return ({ query, outline }) => {
    layer.clearLayers();
    const parts = new URLSearchParams(query);
    const [near, box] = ["near", "box"].map((name) => parts.get(name)?.split(",").map(Number));
    if (near) layer.addLayer(L.circle(near, { ...style, radius: Number(parts.get("radius")) }));
    if (box) layer.addLayer(L.rectangle([box.slice(0, 2), box.slice(2)], style));
    if (outline) layer.addLayer(L.geoJSON(JSON.parse(outline), { style: () => style, interactive: false }));
  };
}

export function createTools(L, map, selection, { cityBounds, text, say, yieldGestures }) {
  const more = element("details", "map-tools");
  more.setAttribute("name", "bar");
  const choices = element("div", "drop");
  const summary = element("summary");
  summary.append(drawIcon("dots"), element("span", "visually-hidden", text("more")));
  more.append(summary, choices);
  const near = button(text("nearMe"), "tb");
  near.prepend(drawIcon("locate"));
  const middle = button(text("aroundMiddle"), "btn btn-s btn-line");
  const box = button(text("drawBox"), "btn btn-s btn-line");
  box.setAttribute("aria-pressed", "false");
  const share = button(text("copyLink"), "btn btn-s btn-line");
  choices.append(middle, box, share);

  near.addEventListener("click", () => {
    if (!navigator.geolocation) return say(text("noPosition"));
    say(text("asking"));
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        const [lat, lng] = [snapToGrid(coords.latitude), snapToGrid(coords.longitude)];
        if (!cityBounds.contains([lat, lng])) return say(text("outside"));
        say(text("snapped"), true);
        selection.moveTo({ near: `${lat.toFixed(5)},${lng.toFixed(5)}`, radius: NEAR_ME_METERS });
      },
      () => say(text("noPosition")),
      { enableHighAccuracy: false, maximumAge: 600_000, timeout: 15_000 },
    );
  });
  middle.addEventListener("click", () => {
    more.open = false;
    const { lat, lng } = map.getCenter();
    const widthMeters = map.distance(map.getBounds().getNorthWest(), map.getBounds().getNorthEast());
    const radius = [300, 500, 1000, 2000].find((each) => each > widthMeters / 6) ?? 5000;
    selection.moveTo({ near: `${lat.toFixed(5)},${lng.toFixed(5)}`, radius });
  });
  enableBoxDrawing(L, map, { toggle: box, text, say, yieldGestures, onChoice: (value) => selection.moveTo({ box: value }) });
  share.addEventListener("click", async () => {
    const link = selection.link();
    try {
      await navigator.clipboard.writeText(link);
      say(text("copied"));
    } catch {
      const field = Object.assign(element("input", "form-control"), { value: link, readOnly: true });
      field.setAttribute("aria-label", text("link"));
      share.after(field);
      field.select();
    }
  });
  return { near, more };
}

export function snapToGrid(degrees) {
  return Math.round(degrees / GRID_DEGREES) * GRID_DEGREES;
}

/* Draws an icon of the sprite that the bar has icons of. */
function drawIcon(name) {
  const icon = shape("svg", { class: "i", viewBox: "0 0 24 24", "aria-hidden": "true" });
  const sprite = document.querySelector("#types-summary use").getAttribute("href").split("#")[0];
  icon.append(shape("use", { href: `${sprite}#${name}` }));
  return icon;
}

/* Lets people draw a box from two corners: by a drag, two taps, or on the keyboard by pressing Enter at the map's center twice. */
function enableBoxDrawing(L, map, { toggle, text, say, yieldGestures, onChoice }) {
  const frame = map.getContainer();
  const crosshair = createCrosshair();
  let first = null;
  let rectangle = null;
  let pressed = null;

  const begin = () => {
    toggle.closest("details").open = false;
    toggle.setAttribute("aria-pressed", "true");
    frame.classList.add("is-drawing");
    frame.append(crosshair);
    map.dragging.disable();
    say(text("boxFirst"));
    frame.focus({ preventScroll: true });
    
  };
  const end = () => {
    toggle.setAttribute("aria-pressed", "false");
    frame.classList.remove("is-drawing");
    crosshair.remove();
    rectangle?.remove();
    first = rectangle = pressed = null;
    yieldGestures();
  };
  const setCorner = (point) => {
    if (!first) {
      first = point;
      rectangle = L.rectangle([point, point], { className: "chosen", interactive: false }).addTo(map);
      say(text("boxSecond"));
      return;
    }
    const { _southWest: low, _northEast: high } = L.latLngBounds(first, point);
    if (low.lat === high.lat || low.lng === high.lng) return;
    end();
    onChoice([low.lat, low.lng, high.lat, high.lng].map((degrees) => degrees.toFixed(5)).join());
  };
  const stretch = (point) => first && rectangle.setBounds(L.latLngBounds(first, point));

  toggle.addEventListener("click", () => {
    if (frame.classList.contains("is-drawing")) {
      end();
      say("");
    } else begin();
  });
  const pointOf = (event) => map.mouseEventToLatLng(event);
  const isDrawing = () => frame.classList.contains("is-drawing");
  frame.addEventListener(
    "pointerdown",
    (event) => {
      if (!isDrawing() || event.target.closest(".leaflet-control")) return;
      event.stopPropagation();
      pressed = event;
      if (!first) setCorner(pointOf(event));
      else stretch(pointOf(event));
    },
    true,
  );
  frame.addEventListener("pointermove", (event) => isDrawing() && stretch(pointOf(event)), true);
  frame.addEventListener(
    "pointerup",
    (event) => {
      if (!isDrawing() || !pressed) return;
      event.stopPropagation();
      const dragged = Math.hypot(event.clientX - pressed.clientX, event.clientY - pressed.clientY) > MIN_DRAG_PIXELS;
      const isSecond = !first.equals(pointOf(pressed));
      pressed = null;
      if (dragged || isSecond) setCorner(pointOf(event));
    },
    true,
  );
  frame.addEventListener("click", (event) => isDrawing() && event.stopPropagation(), true);
  frame.addEventListener("keydown", (event) => {
    if (!isDrawing()) return;
    if (event.key === "Escape") {
      end();
      say("");
      toggle.closest("details").querySelector("summary").focus();
    } else if (event.key === "Enter" && event.target === frame) {
      event.preventDefault();
      setCorner(map.getCenter());
    }
  });
  map.on("move", () => isDrawing() && !pressed && stretch(map.getCenter()));
}
