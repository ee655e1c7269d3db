/* The incidents on the map: shaded areas while it shows the city, rings of a few blocks, then a symbol for each. Every level
   requests what it draws in whole tiles or cells, so that a small move requests nothing and nearby views share cached responses.
   The old marks stay until the new ones have loaded.

   A mark: { key, lat, lng, node, counts (by family), categories (counts by type, of a point), count, area (its name), label(),
   activate(), covers({ at, area }) }. */

import { element } from "../dom.js";
import { Areas } from "./areas.js";
import { Rings } from "./rings.js";
import { Symbols } from "./symbols.js";

const STREET_METERS = 2; // a pixel of a closer map shows less; the same as in crimemap.pages.map_marks
const GLOBE_METERS = 156543.03392;

export class Incidents {
  /* `families`: symbols and names by slug, in the order of the legend; `types`: by category. `onList(view, node)` opens the list of
     the incidents in a view; `onCount({ total, families, types, areas, level })` follows whenever what is in view changes, `onBusy(isBusy)` stands
     around requests, `onFailure(error)` follows one that fails. */
  constructor(L, map, { data, families, types, cityBounds, text, onList, onCount, onFailure, onBusy }) {
    Object.assign(this, { L, map, data, families, types, cityBounds, text, onList, onCount, onFailure, onBusy });
    this.query = data.query;
    this.marks = new Map();
    this.known = ""; // request whose marks are shown; empty before the first
    this.number = new Intl.NumberFormat(document.documentElement.lang);
    this.levels = { city: data.areasUrl ? new Areas(this) : null, middle: new Rings(this), street: new Symbols(this) };
    map.createPane("marks").style.zIndex = 650; // above the names of streets
    map.on("moveend", () => this.refresh());
  }

  /* Returns the level of a query at the present zoom: "city", "middle" or "street". Only the whole city is shaded. */
  levelName(query = this.query) {
    const zoom = this.map.getZoom();
    const meters = (GLOBE_METERS * Math.cos((this.map.getCenter().lat * Math.PI) / 180)) / 2 ** zoom;
    if (meters < STREET_METERS) return "street";
    const parts = new URLSearchParams(query);
    const isWhole = !["area", "near", "box"].some((name) => parts.has(name));
    return isWhole && this.levels.city && zoom <= this.map.getBoundsZoom(this.cityBounds) + 1 ? "city" : "middle";
  }

  /* Requests the marks in view unless they are shown already; resolves when they are, or after an error was reported. */
  async refresh(query = this.query) {
    this.query = query;
    const name = this.levelName();
    const requested = this.levels[name].address(query);
    if (requested === this.known) {
      this.request?.abort();
      this.pending = null;
      this.onBusy(false);
      return this.countInView();
    }
    if (requested === this.pending) return;
    this.request?.abort();
    const request = (this.request = new AbortController());
    this.pending = requested;
    this.onBusy(true);
    try {
      const response = await fetch(requested, { signal: request.signal, credentials: "omit" });
      if (response.status === 400) return; // the page itself says what is wrong with the selection
      if (!response.ok) throw new Error(`incidents: ${response.status}`);
      const marks = await this.levels[name].marks(await response.json());
      if (request.signal.aborted) return;
      for (const [other, level] of Object.entries(this.levels)) if (other !== name) level?.leave?.();
      this.level = name;
      this.known = requested;
      this.map.getContainer().dataset.level = name;
      this.draw(marks);
      this.countInView();
    } catch (error) {
      if (!request.signal.aborted) this.onFailure(error);
    } finally {
      if (this.request === request) {
        this.pending = null;
        this.onBusy(false);
      }
    }
  }

  /* Takes over another query string of the same selection, without a request. */
  renameQuery(query) {
    const level = this.levels[this.levelName()];
    const before = level.address(this.query);
    this.query = query;
    for (const state of ["known", "pending"]) if (this[state] === before) this[state] = level.address(query);
  }

  draw(marks) {
    const frame = this.map.getContainer();
    const focused = document.activeElement?.closest?.(".mark-at");
    const place = focused && this.current;
    const next = new Map();
    // In reading order, for people who go through them with the keyboard.
    for (const mark of marks.sort((first, second) => second.lat - first.lat || first.lng - second.lng)) {
      const old = this.marks.get(mark.key);
      next.set(mark.key, old ?? this.place(mark));
      if (old) old.mark.label = mark.label;
    }
    for (const [key, marker] of this.marks) if (!next.has(key)) marker.remove();
    for (const marker of next.values()) {
      if (!marker._map) marker.addTo(this.map);
      else marker.getElement().parentNode.append(marker.getElement());
    }
    this.marks = next;
    const kept = place && (next.get(place.key)?.mark ?? this.nearest(place));
    this.setCurrent(kept ?? null);
    if (focused && document.activeElement !== kept?.node) (kept?.node ?? frame).focus({ preventScroll: true });
  }

  place(mark) {
    const { node } = mark;
    node.type = "button";
    node.tabIndex = -1;
    const name = element("span", "visually-hidden");
    const updateName = () => (name.textContent = mark.label());
    node.append(name);
    updateName();
    node.addEventListener("focus", () => {
      updateName(); // a click does something else at another zoom
      this.setCurrent(mark);
    });
    node.addEventListener("click", (event) => {
      event.stopPropagation();
      mark.activate();
    });
    this.L.DomEvent.disableClickPropagation(node);
    const icon = this.L.divIcon({ className: "mark-at", html: node, iconSize: [0, 0] });
    return Object.assign(this.L.marker([mark.lat, mark.lng], { icon, keyboard: false, pane: "marks" }), { mark });
  }

  /* Makes one mark the tab stop of the map; without one, the first in view, else the map itself. */
  setCurrent(mark) {
    const shown = this.inView();
    this.current = mark && shown.includes(mark) ? mark : (shown[0] ?? null);
    for (const { mark: each } of this.marks.values()) each.node.tabIndex = each === this.current ? 0 : -1;
    this.map.getContainer().tabIndex = this.current ? -1 : 0;
  }

  inView() {
    const view = this.map.getBounds();
    return [...this.marks.values()].map(({ mark }) => mark).filter(({ lat, lng }) => view.contains([lat, lng]));
  }

  nearest({ lat, lng }) {
    const distance = (mark) => (mark.lat - lat) ** 2 + (mark.lng - lng) ** 2;
    return this.inView().reduce((best, mark) => (best && distance(best) <= distance(mark) ? best : mark), null);
  }

  /* Counts the incidents in view by family and reports them. */
  countInView() {
    const view = this.map.getBounds();
    const [families, types, areas] = [{}, {}, {}];
    const addTo = (sums, counts = {}) => Object.entries(counts).forEach(([name, count]) => (sums[name] = (sums[name] ?? 0) + count));
    let total = 0;
    for (const { mark } of this.marks.values()) {
      mark.node.inert = !view.contains([mark.lat, mark.lng]); // drawn beyond the edge, for when the map is dragged
      if (mark.node.inert) continue;
      total += mark.count;
      addTo(families, mark.counts);
      addTo(types, mark.categories);
      if (mark.area) addTo(areas, { [mark.area]: mark.count });
    }
    this.setCurrent(this.current);
    const names = Object.keys(areas).sort((first, second) => areas[second] - areas[first]);
    this.onCount({ total, families: this.level === "city" ? null : families, types: this.level === "street" ? types : null, areas: names, level: this.level });
  }

  /* Returns the marks that stand for an incident: of a row of the list. */
  marksOf(row) {
    return [...this.marks.values()].map(({ mark }) => mark).filter((mark) => mark.covers(row));
  }

  /* Zooms in around a mark; the focus stays with the map. */
  zoomTo({ lat, lng }) {
    this.map.setView([lat, lng], Math.min(this.map.getZoom() + 2, this.map.getMaxZoom()));
  }

  describeFamilies(counts) {
    return Object.keys(this.families)
      .filter((slug) => counts[slug])
      .map((slug) => this.text("kind", { family: this.families[slug].dataset.name, count: this.number.format(counts[slug]) }))
      .join(", ");
  }
}
