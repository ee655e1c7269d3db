/* The interactive parts of the map page: filter, search, list, brush, tools. Loaded after the first view of the map. */

import { createFilterLayer, createTools } from "./area-tools.js";
import { TimeBrush } from "./brush.js";
import { IncidentPanel } from "./incident-panel.js";
import { tieRowsToMarks } from "./lit.js";
import { RowList } from "./row-list.js";
import { Selection } from "./selection.js";
import { addMenus, addSheet } from "./sheet.js";

const SETTLING_MILLISECONDS = 400; // after a move by script, within which Leaflet pans back inside the bounds of the map

export function equip({ L, map, incidents, figure, cityBounds, types, text, statusLine, showView, yieldGestures }) {
  const data = figure.dataset;
  const frame = map.getContainer();
  const address = new URLSearchParams(location.search);
  let isMovedByVisitor = address.has("at");
  let isMovedByScript = false; // not by the visitor
  let movesUntil = 0;
  const moveByScript = (move) => {
    isMovedByScript = true;
    move();
    isMovedByScript = false;
    movesUntil = performance.now() + SETTLING_MILLISECONDS;
  };
  const positionText = () => {
    const { _southWest: low, _northEast: high } = cityBounds.pad(-0.001); // the server shows no position outside the city
    const center = map.getCenter();
    const [lat, lng] = ["lat", "lng"].map((name) => Math.min(Math.max(center[name], low[name]), high[name]));
    return `${lat.toFixed(5)},${lng.toFixed(5)},${Number(map.getZoom().toFixed(1))}`;
  };
  /* What the address says of the view besides the selection. */
  const viewText = () => `${isMovedByVisitor ? `&at=${positionText()}` : ""}${frame.classList.contains("by-change") ? "&shade=change" : ""}`;

  const stacked = new IncidentPanel(figure, { url: data.rowsUrl, text });
  const rows = new RowList({ url: data.rowsUrl, text });
  const drawFilter = createFilterLayer(L, map);
  drawFilter({ query: data.query, outline: data.outline });

  const selection = new Selection({
    query: data.query,
    viewText: (isElsewhere) => (isElsewhere ? "" : viewText()),
    onRequest: (query, isElsewhere) => {
      stacked.close();
      if (!isElsewhere) incidents.refresh(query);
    },
    onChange: ({ query, requested, figure: next, position, fit }) => {
      if (incidents.query === requested) incidents.renameQuery(query);
      else incidents.query = query;
      drawFilter({ query, outline: next.dataset.outline });
      rows.takeServerList();
      brush.update();
      if (!fit) return incidents.refresh();
      isMovedByVisitor = Boolean(position);
      box = next.dataset.box;
      moveByScript(() => showView(L, map, position, next.dataset.box));
      incidents.refresh();
    },
    onFailure: (sentence, retry) => statusLine.showError(sentence ?? text("failed"), sentence ? null : retry),
  });
  selection.link = () => `${location.origin}${location.pathname}?${selection.query}&at=${positionText()}`;
  const remember = () => history.replaceState(history.state, "", `?${selection.query}${viewText()}`);

  let box = data.box;
  const isAsWide = ({ x, y }) => x === frame.clientWidth && y === frame.clientHeight;
  new ResizeObserver(() => {
    if (isAsWide(map.getSize())) return;
    moveByScript(() => {
      map.invalidateSize({ animate: false });
      if (!isMovedByVisitor) showView(L, map, null, box);
    });
    sayScreenSize(map, figure);
  }).observe(figure);
  sayScreenSize(map, figure);
  map.on("moveend", () => {
    if (isMovedByScript || performance.now() < movesUntil) return;
    isMovedByVisitor = true;
    statusLine.clearPersistent();
    remember();
  });

  const toolbar = createTools(L, map, selection, { cityBounds, text, say: statusLine.say, yieldGestures });
  const addTools = () => document.querySelector("#tools").append(toolbar.near, toolbar.more);
  selection.form.addEventListener("refilled", addTools);
  addTools();
  const brush = new TimeBrush(selection, incidents, { text });
  addShadeSwitch(frame, remember);
  addMenus();
  addSheet();
  tieRowsToMarks(incidents, map);
  // Loaded with the first map that is closer than the whole city.
  let closer = null;
  let typesInView = null;
  const loadCloser = async () => {
    const [{ keepNamesFree }, { TypeKeys }] = await Promise.all([import("./label-room.js"), import("./type-keys.js")]);
    return { arrange: keepNamesFree(map, incidents), typeKeys: new TypeKeys(selection, types) };
  };
  const updateCloser = async (level, counts) => {
    typesInView = counts;
    if (level === "city" && !closer) return;
    closer = closer ?? loadCloser().catch(() => null);
    const parts = await closer;
    parts?.typeKeys.show(typesInView);
    parts?.arrange();
  };
  return {
    stacked,
    selection,
    updateList: ({ total, level, types: counts, where }) => {
      rows.show(incidents.query, level === "city" ? null : map.getBounds(), total, where);
      return updateCloser(level, counts);
    },
  };
}

/* Switches the shading between count and change, without a request: both are in the areas already. */
function addShadeSwitch(frame, remember) {
  const place = document.querySelector("#shade");
  const mark = () => {
    const shown = frame.classList.contains("by-change") ? "change" : "count";
    place.classList.toggle("by-change", shown === "change");
    for (const link of place.querySelectorAll("[data-shade]")) {
      if (link.dataset.shade === shown) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  place.addEventListener("shaded", mark);
  place.addEventListener("click", (event) => {
    const link = event.target.closest("[data-shade]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    frame.classList.toggle("by-change", link.dataset.shade === "change");
    mark();
    remember();
  });
  mark();
}

/* Tells the style sheet how large the map is on the screen. It prints the same map, scaled to the paper: tiles and marks of another
   view would be drawn after the page. */
function sayScreenSize(map, figure) {
  const { x, y } = map.getSize();
  figure.style.setProperty("--across", `${x}px`);
  figure.style.setProperty("--down", `${y}px`);
}
