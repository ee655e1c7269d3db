/* A part of the map instead of a named area: near me, around the middle, a box. Also draws what the filter means.

   Where somebody is stays on the device: the position is snapped to a grid of 0.005 degrees before it is used for anything,
   the view of the map included, so that whoever stands in one cell of the grid asks for exactly the same. */

import { button, element } from "../dom.js";
import { cross } from "./base.js";

const GRID = 0.005; // degrees: at most 400 metres off
const NEAR_ME = 1000; // metres
const DRAGGED = 8; // pixels: less is a tap

export function drawSelection(L, map, style = { className: "chosen", interactive: false }) {
  const drawn = L.layerGroup().addTo(map);
  return ({ query, outline }) => {
    drawn.clearLayers();
    const parts = new URLSearchParams(query);
    const [near, box] = ["near", "box"].map((name) => parts.get(name)?.split(",").map(Number));
    if (near) drawn.addLayer(L.circle(near, { ...style, radius: Number(parts.get("radius")) }));
    if (box) drawn.addLayer(L.rectangle([box.slice(0, 2), box.slice(2)], style));
    if (outline) drawn.addLayer(L.geoJSON(JSON.parse(outline), { style: () => style, interactive: false }));
  };
}

export function tools(L, map, selection, { within, text, say }) {
  const bar = element("div", "map-tools");
  const near = button(text("nearMe"), "btn btn-s btn-line");
  const middle = button(text("aroundMiddle"), "btn btn-s btn-line");
  const box = button(text("drawBox"), "btn btn-s btn-line");
  box.setAttribute("aria-pressed", "false");
  const share = button(text("copyLink"), "btn btn-s btn-line");
  bar.append(near, middle, box, share);

  near.addEventListener("click", () => {
    if (!navigator.geolocation) return say(text("noPosition"));
    say(text("asking"));
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        const [lat, lng] = [snapped(coords.latitude), snapped(coords.longitude)];
        if (!within.contains([lat, lng])) return say(text("outside"));
        say(text("snapped"), true);
        selection.elsewhere({ near: `${lat.toFixed(5)},${lng.toFixed(5)}`, radius: NEAR_ME });
      },
      () => say(text("noPosition")),
      { enableHighAccuracy: false, maximumAge: 600_000, timeout: 15_000 },
    );
  });
  middle.addEventListener("click", () => {
    const { lat, lng } = map.getCenter();
    const across = map.distance(map.getBounds().getNorthWest(), map.getBounds().getNorthEast());
    const radius = [300, 500, 1000, 2000].find((each) => each > across / 6) ?? 5000;
    selection.elsewhere({ near: `${lat.toFixed(5)},${lng.toFixed(5)}`, radius });
  });
  boxes(L, map, { toggle: box, text, say, chosen: (value) => selection.elsewhere({ box: value }) });
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
  return bar;
}

export function snapped(degrees) {
  return Math.round(degrees / GRID) * GRID;
}

/* Two corners, by a drag, by two taps, or with the keyboard by Enter at the middle of the map, twice. */
function boxes(L, map, { toggle, text, say, chosen }) {
  const frame = map.getContainer();
  const mark = cross();
  let first = null;
  let shown = null;
  let pressed = null;

  const begin = () => {
    toggle.setAttribute("aria-pressed", "true");
    frame.classList.add("is-drawing");
    frame.append(mark);
    map.dragging.disable();
    say(text("boxFirst"));
    frame.focus({ preventScroll: true });
    frame.scrollIntoView({ block: "nearest" });
  };
  const end = () => {
    toggle.setAttribute("aria-pressed", "false");
    frame.classList.remove("is-drawing");
    mark.remove();
    shown?.remove();
    first = shown = pressed = null;
    map.dragging.enable();
  };
  const corner = (point) => {
    if (!first) {
      first = point;
      shown = L.rectangle([point, point], { className: "chosen", interactive: false }).addTo(map);
      say(text("boxSecond"));
      return;
    }
    const { _southWest: low, _northEast: high } = L.latLngBounds(first, point);
    if (low.lat === high.lat || low.lng === high.lng) return;
    end();
    chosen([low.lat, low.lng, high.lat, high.lng].map((degrees) => degrees.toFixed(5)).join());
  };
  const stretch = (point) => first && shown.setBounds(L.latLngBounds(first, point));

  toggle.addEventListener("click", () => {
    if (frame.classList.contains("is-drawing")) {
      end();
      say("");
    } else begin();
  });
  const at = (event) => map.mouseEventToLatLng(event);
  const drawing = () => frame.classList.contains("is-drawing");
  frame.addEventListener(
    "pointerdown",
    (event) => {
      if (!drawing() || event.target.closest(".leaflet-control")) return;
      event.stopPropagation();
      pressed = event;
      if (!first) corner(at(event));
      else stretch(at(event));
    },
    true,
  );
  frame.addEventListener("pointermove", (event) => drawing() && stretch(at(event)), true);
  frame.addEventListener(
    "pointerup",
    (event) => {
      if (!drawing() || !pressed) return;
      event.stopPropagation();
      const dragged = Math.hypot(event.clientX - pressed.clientX, event.clientY - pressed.clientY) > DRAGGED;
      const isSecond = !first.equals(at(pressed));
      pressed = null;
      if (dragged || isSecond) corner(at(event));
    },
    true,
  );
  frame.addEventListener("click", (event) => drawing() && event.stopPropagation(), true);
  frame.addEventListener("keydown", (event) => {
    if (!drawing()) return;
    if (event.key === "Escape") {
      end();
      say("");
      toggle.focus();
    } else if (event.key === "Enter" && event.target === frame) {
      event.preventDefault();
      corner(map.getCenter());
    }
  });
  map.on("move", () => drawing() && !pressed && stretch(map.getCenter()));
}
