/* Incidents on the map. Asks for the cells that the view touches, in whole tiles of 256 pixels, so that a small move asks
   nothing and neighbours ask for the same; keeps what is shown until the new answer is there. */

import { element } from "../dom.js";

const CELL = 64; // pixels, as crimemap.snapshot.format has it
const TILE = 4; // cells
const LEAST = 16; // pixels: radius of a bubble of few, and what the largest has more
const MORE = 18;

export class Bubbles {
  /* `at`: the map, the address, symbols by family, `text`; `open(view, button, count)` lists what stands in a view;
     `seen({total, families})` is called whenever something else is in view, `failed(error)` when an answer does not come. */
  constructor(L, map, { url, query, symbols, names, text, open, seen, failed, busy }) {
    Object.assign(this, { L, map, url, query, symbols, names, text, open, seen, failed, busy });
    this.markers = new Map();
    this.known = ""; // the question whose answer is shown; empty before the first
    this.number = new Intl.NumberFormat(document.documentElement.lang);
    this.few = new Intl.NumberFormat(document.documentElement.lang, { notation: "compact" });
    map.createPane("bubbles").style.zIndex = 650; // above the names of streets
    map.on("moveend", () => this.refresh());
  }

  /* Asks for what is in view, if it is not known; resolves when it is shown or an error was told. */
  async refresh(query = this.query) {
    this.query = query;
    const asked = this.question();
    if (asked === this.known) {
      this.asking?.abort();
      this.busy(false);
      return this.count();
    }
    if (asked === this.pending) return;
    this.asking?.abort();
    const asking = (this.asking = new AbortController());
    this.pending = asked;
    this.busy(true);
    try {
      const answer = await fetch(`${this.url}?${asked}`, { signal: asking.signal, credentials: "omit" });
      if (answer.status === 400) return; // the page says in words what is wrong with the selection
      if (!answer.ok) throw new Error(`bubbles: ${answer.status}`);
      const { families, bubbles } = await answer.json();
      if (asking.signal.aborted) return;
      this.known = this.pending;
      this.draw(bubbles.map(([lat, lng, one, ...counts]) => ({ lat, lng, one, counts: named(families, counts), count: sum(counts) })));
      this.count();
    } catch (error) {
      if (!asking.signal.aborted) this.failed(error);
    } finally {
      if (this.asking === asking) {
        this.pending = null;
        this.busy(false);
      }
    }
  }

  /* The same selection in other words: nothing is asked for it. */
  rename(query) {
    const before = this.question();
    this.query = query;
    for (const state of ["known", "pending"]) if (this[state] === before) this[state] = this.question();
  }

  question() {
    const view = this.map.getBounds();
    const zoom = this.zoom();
    const tile = (point) => this.map.project(point, zoom).divideBy(CELL * TILE)._floor();
    const first = tile(view.getNorthWest()).multiplyBy(TILE);
    const last = tile(view.getSouthEast()).multiplyBy(TILE).add([TILE - 1, TILE - 1]);
    const middle = (cell) => this.map.unproject(cell.add([0.5, 0.5]).multiplyBy(CELL), zoom);
    const [north, south] = [middle(first), middle(last)];
    const edges = [south.lat, north.lng, north.lat, south.lng].map((degrees) => degrees.toFixed(5)).join();
    return [this.query, `z=${zoom}`, `view=${edges}`].filter(Boolean).join("&");
  }

  /* Of the grid: half a step nearer its cells are wider. */
  zoom() {
    return Math.floor(this.map.getZoom());
  }

  draw(bubbles) {
    const largest = Math.log(Math.max(20, ...bubbles.map(({ count }) => count)));
    const focused = document.activeElement;
    const kept = new Map();
    // In the order in which one reads, for who goes through them with the keyboard.
    for (const bubble of bubbles.sort((one, other) => other.lat - one.lat || one.lng - other.lng)) {
      const key = `${bubble.lat},${bubble.lng},${Object.entries(bubble.counts)}`;
      const marker = this.markers.get(key) ?? this.marker(bubble);
      marker.shown.style.setProperty("--size", `${LEAST + Math.round((MORE * Math.log(bubble.count)) / largest)}px`);
      kept.set(key, marker);
    }
    for (const [key, marker] of this.markers) if (!kept.has(key)) marker.remove();
    for (const marker of kept.values()) {
      if (!marker._map) marker.addTo(this.map);
      else marker.getElement().parentNode.append(marker.getElement());
    }
    if (focused?.classList.contains("bub") && document.activeElement !== focused) {
      (focused.isConnected ? focused : this.map.getContainer()).focus({ preventScroll: true });
    }
    this.markers = kept;
  }

  marker(bubble) {
    const families = Object.keys(bubble.counts);
    const shown = element("button", "bub");
    shown.type = "button";
    const symbol = families.length === 1 && this.symbols[families[0]];
    if (symbol) {
      shown.classList.add("bub-one");
      shown.append(symbol.cloneNode(true));
    }
    const count = element(symbol ? "b" : "span", "", symbol && bubble.count === 1 ? "" : this.short(bubble.count));
    count.setAttribute("aria-hidden", "true");
    const name = element("span", "visually-hidden");
    shown.append(count, name);
    const say = () => (name.textContent = this.words(bubble, families));
    say();
    shown.addEventListener("focus", say); // what it does changes with the zoom
    shown.addEventListener("click", (event) => {
      event.stopPropagation();
      this.follow(bubble, shown);
    });
    this.L.DomEvent.disableClickPropagation(shown);
    const icon = this.L.divIcon({ className: "bub-at", html: shown, iconSize: [0, 0] });
    return Object.assign(this.L.marker([bubble.lat, bubble.lng], { icon, keyboard: false, pane: "bubbles" }), { bubble, shown });
  }

  short(count) {
    return count < 10000 ? this.number.format(count) : this.few.format(count);
  }

  words({ one, counts, count }, families) {
    const kinds = families.length === 1 ? this.names[families[0]] : families.map((slug) => `${this.names[slug]} ${this.number.format(counts[slug])}`).join(", ");
    const key = count === 1 ? "one" : this.parts({ one, count }) ? "many" : "stacked";
    return this.text(key, { count: this.number.format(count), kinds });
  }

  /* Whether zooming in parts the bubble. */
  parts({ one, count }) {
    return !one && count > 1 && this.map.getZoom() < this.map.getMaxZoom();
  }

  follow(bubble, shown) {
    const { lat, lng, one, count } = bubble;
    if (this.parts(bubble)) {
      this.map.getContainer().focus({ preventScroll: true });
      this.map.setView([lat, lng], Math.min(this.map.getZoom() + 2, this.map.getMaxZoom()));
      return;
    }
    this.open(one || count === 1 ? [lat, lng, lat, lng] : this.cell(lat, lng), shown);
  }

  /* The edges of the cell around a point. */
  cell(lat, lng) {
    const zoom = this.zoom();
    const corner = this.map.project([lat, lng], zoom).divideBy(CELL)._floor();
    const [north, south] = [corner, corner.add([1, 1])].map((each) => this.map.unproject(each.multiplyBy(CELL), zoom));
    return [south.lat, north.lng, north.lat, south.lng];
  }

  /* Tells how many incidents are in view, by family. */
  count() {
    const view = this.map.getBounds();
    const families = {};
    let total = 0;
    for (const { bubble, shown } of this.markers.values()) {
      const { lat, lng, counts, count } = bubble;
      shown.inert = !view.contains([lat, lng]); // beyond the edge, there for who drags the map
      if (shown.inert) continue;
      total += count;
      for (const [family, number] of Object.entries(counts)) families[family] = (families[family] ?? 0) + number;
    }
    this.seen({ total, families });
  }
}

function named(families, counts) {
  return Object.fromEntries(families.map((family, number) => [family, counts[number]]).filter(([, count]) => count));
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}
