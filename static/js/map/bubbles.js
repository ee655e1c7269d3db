/* Incidents on the map. Requests the grid cells that the view touches, in whole tiles of 256 pixels, so that a small move
   requests nothing and nearby views share cached responses. The old bubbles stay until the new ones have loaded. */

import { element } from "../dom.js";

const CELL_PIXELS = 64; // the same as in crimemap.snapshot.format
const TILE_CELLS = 4;
const MIN_RADIUS = 16; // pixels
const EXTRA_RADIUS = 18; // pixels by which the largest bubble's radius exceeds the minimum

export class Bubbles {
  /* `symbols` and `names` are by family. `onList(view, button)` opens the list of the incidents in a view; `onCount({ total,
     families })` is called whenever the incidents in view change, `onBusy(isBusy)` around requests, `onFailure(error)` when one
     fails. */
  constructor(L, map, { url, query, symbols, names, text, onList, onCount, onFailure, onBusy }) {
    Object.assign(this, { L, map, url, query, symbols, names, text, onList, onCount, onFailure, onBusy });
    this.markers = new Map();
    this.known = ""; // request whose bubbles are shown; empty before the first
    this.number = new Intl.NumberFormat(document.documentElement.lang);
    this.compactNumber = new Intl.NumberFormat(document.documentElement.lang, { notation: "compact" });
    map.createPane("bubbles").style.zIndex = 650; // above the names of streets
    map.on("moveend", () => this.refresh());
  }

  /* Requests the bubbles in view unless they are shown already; resolves when they are, or after an error was reported. */
  async refresh(query = this.query) {
    this.query = query;
    const requested = this.requestQuery();
    if (requested === this.known) {
      this.request?.abort();
      this.onBusy(false);
      return this.countInView();
    }
    if (requested === this.pending) return;
    this.request?.abort();
    const request = (this.request = new AbortController());
    this.pending = requested;
    this.onBusy(true);
    try {
      const response = await fetch(`${this.url}?${requested}`, { signal: request.signal, credentials: "omit" });
      if (response.status === 400) return; // the page itself says what is wrong with the selection
      if (!response.ok) throw new Error(`bubbles: ${response.status}`);
      const { families, bubbles } = await response.json();
      if (request.signal.aborted) return;
      this.known = this.pending;
      this.draw(bubbles.map(([lat, lng, one, ...counts]) => ({ lat, lng, one, counts: countsByFamily(families, counts), count: sum(counts) })));
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
    const before = this.requestQuery();
    this.query = query;
    for (const state of ["known", "pending"]) if (this[state] === before) this[state] = this.requestQuery();
  }

  requestQuery() {
    const view = this.map.getBounds();
    const zoom = this.gridZoom();
    const tile = (point) => this.map.project(point, zoom).divideBy(CELL_PIXELS * TILE_CELLS)._floor();
    const first = tile(view.getNorthWest()).multiplyBy(TILE_CELLS);
    const last = tile(view.getSouthEast()).multiplyBy(TILE_CELLS).add([TILE_CELLS - 1, TILE_CELLS - 1]);
    const centerOf = (cell) => this.map.unproject(cell.add([0.5, 0.5]).multiplyBy(CELL_PIXELS), zoom);
    const [north, south] = [centerOf(first), centerOf(last)];
    const edges = [south.lat, north.lng, north.lat, south.lng].map((degrees) => degrees.toFixed(5)).join();
    return [this.query, `z=${zoom}`, `view=${edges}`].filter(Boolean).join("&");
  }

  /* Returns the zoom level of the grid: the map's, rounded down. */
  gridZoom() {
    return Math.floor(this.map.getZoom());
  }

  draw(bubbles) {
    const largest = Math.log(Math.max(20, ...bubbles.map(({ count }) => count)));
    const focused = document.activeElement;
    const markers = new Map();
    // In reading order, for people who go through them with the keyboard.
    for (const bubble of bubbles.sort((first, second) => second.lat - first.lat || first.lng - second.lng)) {
      const key = `${bubble.lat},${bubble.lng},${Object.entries(bubble.counts)}`;
      const marker = this.markers.get(key) ?? this.marker(bubble);
      marker.node.style.setProperty("--size", `${MIN_RADIUS + Math.round((EXTRA_RADIUS * Math.log(bubble.count)) / largest)}px`);
      markers.set(key, marker);
    }
    for (const [key, marker] of this.markers) if (!markers.has(key)) marker.remove();
    for (const marker of markers.values()) {
      if (!marker._map) marker.addTo(this.map);
      else marker.getElement().parentNode.append(marker.getElement());
    }
    if (focused?.classList.contains("bub") && document.activeElement !== focused) {
      (focused.isConnected ? focused : this.map.getContainer()).focus({ preventScroll: true });
    }
    this.markers = markers;
  }

  marker(bubble) {
    const families = Object.keys(bubble.counts);
    const node = element("button", "bub");
    node.type = "button";
    const symbol = families.length === 1 && this.symbols[families[0]];
    if (symbol) {
      node.classList.add("bub-one");
      node.append(symbol.cloneNode(true));
    }
    const count = element(symbol ? "b" : "span", "", symbol && bubble.count === 1 ? "" : this.formatCount(bubble.count));
    count.setAttribute("aria-hidden", "true");
    const name = element("span", "visually-hidden");
    node.append(count, name);
    const updateName = () => (name.textContent = this.describe(bubble, families));
    updateName();
    node.addEventListener("focus", updateName); // a click does something else at another zoom
    node.addEventListener("click", (event) => {
      event.stopPropagation();
      this.activate(bubble, node);
    });
    this.L.DomEvent.disableClickPropagation(node);
    const icon = this.L.divIcon({ className: "bub-at", html: node, iconSize: [0, 0] });
    return Object.assign(this.L.marker([bubble.lat, bubble.lng], { icon, keyboard: false, pane: "bubbles" }), { bubble, node });
  }

  formatCount(count) {
    return count < 10000 ? this.number.format(count) : this.compactNumber.format(count);
  }

  describe({ one, counts, count }, families) {
    const kinds = families.length === 1 ? this.names[families[0]] : families.map((slug) => `${this.names[slug]} ${this.number.format(counts[slug])}`).join(", ");
    const key = count === 1 ? "one" : this.canSplit({ one, count }) ? "many" : "stacked";
    return this.text(key, { count: this.number.format(count), kinds });
  }

  /* Returns whether zooming in splits the bubble. */
  canSplit({ one, count }) {
    return !one && count > 1 && this.map.getZoom() < this.map.getMaxZoom();
  }

  activate(bubble, node) {
    const { lat, lng, one, count } = bubble;
    if (this.canSplit(bubble)) {
      this.map.getContainer().focus({ preventScroll: true });
      this.map.setView([lat, lng], Math.min(this.map.getZoom() + 2, this.map.getMaxZoom()));
      return;
    }
    this.onList(one || count === 1 ? [lat, lng, lat, lng] : this.cellBox(lat, lng), node);
  }

  /* Returns [south, west, north, east] of the grid cell around a point. */
  cellBox(lat, lng) {
    const zoom = this.gridZoom();
    const corner = this.map.project([lat, lng], zoom).divideBy(CELL_PIXELS)._floor();
    const [north, south] = [corner, corner.add([1, 1])].map((each) => this.map.unproject(each.multiplyBy(CELL_PIXELS), zoom));
    return [south.lat, north.lng, north.lat, south.lng];
  }

  /* Counts the incidents in view by family and reports them. */
  countInView() {
    const view = this.map.getBounds();
    const families = {};
    let total = 0;
    for (const { bubble, node } of this.markers.values()) {
      const { lat, lng, counts, count } = bubble;
      node.inert = !view.contains([lat, lng]); // drawn beyond the edge, for when the map is dragged
      if (node.inert) continue;
      total += count;
      for (const [family, number] of Object.entries(counts)) families[family] = (families[family] ?? 0) + number;
    }
    this.onCount({ total, families });
  }
}

function countsByFamily(families, counts) {
  return Object.fromEntries(families.map((family, number) => [family, counts[number]]).filter(([, count]) => count));
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}
