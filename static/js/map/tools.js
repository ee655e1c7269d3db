/* What the map page can do beyond the first look at it. Loaded once the map is there. */

import { drawSelection, tools } from "./around.js";
import { slideMonths } from "./months.js";
import { searchPlaces } from "./places.js";
import { Selection } from "./selection.js";
import { Stacked } from "./stacked.js";

export function equip({ L, map, bubbles, figure, within, symbols, text, said, look }) {
  const data = figure.dataset;
  let isMoved = new URLSearchParams(location.search).has("at");
  let isLooking = false; // the script moves the map, not the visitor
  const at = () => {
    const { lat, lng } = map.getCenter();
    return `${lat.toFixed(5)},${lng.toFixed(5)},${map.getZoom()}`;
  };

  const stacked = new Stacked(figure, { url: data.rowsUrl, symbols, text });
  const show = drawSelection(L, map);
  show({ query: data.query, outline: data.outline });

  const selection = new Selection({
    query: data.query,
    at: () => (isMoved ? at() : ""),
    asked: (query, moves) => {
      stacked.close();
      if (!moves) bubbles.refresh(query);
    },
    changed: ({ query, asked, figure: next, place, fit }) => {
      if (bubbles.query === asked) bubbles.rename(query);
      else bubbles.query = query;
      show({ query, outline: next.dataset.outline });
      if (!fit) return bubbles.count();
      isMoved = Boolean(place);
      isLooking = true;
      look(L, map, place, next.dataset.box);
      isLooking = false;
    },
    failed: (sentence, again) => said.trouble(sentence ?? text("failed"), sentence ? null : again),
  });
  selection.link = () => `${location.origin}${location.pathname}?${selection.query}&at=${at()}`;

  map.on("moveend", () => {
    if (isLooking) return;
    isMoved = true;
    said.quiet();
    history.replaceState(history.state, "", `?${selection.query}&at=${at()}`);
  });

  const bar = tools(L, map, selection, { within, text, say: said.say });
  said.line.after(bar);
  slideMonths(selection, { text });
  searchPlaces(selection, {
    url: data.placesUrl,
    text,
    chosen: async (query, name) => {
      await selection.go(query);
      selection.form.elements.q.value = name;
      const panel = document.querySelector("#panel");
      if (panel.firstElementChild.checkVisibility()) {
        panel.open = false; // a sheet on a phone: the map is what was asked for
        figure.scrollIntoView({ block: "nearest" });
        map.getContainer().focus({ preventScroll: true });
      }
    },
  });
  return { stacked, selection };
}
