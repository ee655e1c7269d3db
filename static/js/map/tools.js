/* The interactive parts of the map page: filter, search, months, tools. Loaded after the first view of the map. */

import { createFilterLayer, createTools } from "./area-tools.js";
import { addMonthSlider } from "./month-slider.js";
import { addPlaceSearch } from "./place-search.js";
import { Selection } from "./selection.js";
import { IncidentPanel } from "./incident-panel.js";
import { fitMapToPaper } from "./printing.js";

export function equip({ L, map, bubbles, figure, cityBounds, symbols, text, statusLine, showView, yieldGestures }) {
  const data = figure.dataset;
  let isMovedByVisitor = new URLSearchParams(location.search).has("at");
  let isMovedByScript = false; // not by the visitor
  const moveByScript = (move) => {
    isMovedByScript = true;
    move();
    isMovedByScript = false;
  };
  const positionText = () => {
    const { lat, lng } = map.getCenter();
    return `${lat.toFixed(5)},${lng.toFixed(5)},${map.getZoom()}`;
  };

  const stacked = new IncidentPanel(figure, { url: data.rowsUrl, symbols, text });
  const drawFilter = createFilterLayer(L, map);
  drawFilter({ query: data.query, outline: data.outline });

  const selection = new Selection({
    query: data.query,
    position: () => (isMovedByVisitor ? positionText() : ""),
    onRequest: (query, isElsewhere) => {
      stacked.close();
      if (!isElsewhere) bubbles.refresh(query);
    },
    onChange: ({ query, requested, figure: next, position, fit }) => {
      if (bubbles.query === requested) bubbles.renameQuery(query);
      else bubbles.query = query;
      drawFilter({ query, outline: next.dataset.outline });
      if (!fit) return bubbles.countInView();
      isMovedByVisitor = Boolean(position);
      moveByScript(() => showView(L, map, position, next.dataset.box));
    },
    onFailure: (sentence, retry) => statusLine.showError(sentence ?? text("failed"), sentence ? null : retry),
  });
  selection.link = () => `${location.origin}${location.pathname}?${selection.query}&at=${positionText()}`;

  fitMapToPaper(map, moveByScript);
  map.on("moveend", () => {
    // Leaflet reports some moves late: one of the printed map must not become the address of the page.
    if (isMovedByScript || matchMedia("print").matches) return;
    isMovedByVisitor = true;
    statusLine.clearPersistent();
    history.replaceState(history.state, "", `?${selection.query}&at=${positionText()}`);
  });

  const toolbar = createTools(L, map, selection, { cityBounds, text, say: statusLine.say, yieldGestures });
  statusLine.node.after(toolbar);
  addMonthSlider(selection, { text });
  addPlaceSearch(selection, {
    url: data.placesUrl,
    text,
    onChoice: async (query, name) => {
      await selection.load(query);
      selection.form.elements.q.value = name;
      const panel = document.querySelector("#panel");
      if (panel.firstElementChild.getClientRects().length) {
        panel.open = false; // on a phone the panel covers the map
        figure.scrollIntoView({ block: "nearest" });
        map.getContainer().focus({ preventScroll: true });
      }
    },
  });
  return { stacked, selection };
}
