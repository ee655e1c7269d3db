/* The middle zooms: a ring for each cell of a fixed grid, its colors the families clockwise from the top in the order of the legend,
   the count inside. A ring keeps to its cell, so that none covers another and none dances while the map is panned. */

import { element, shape } from "../dom.js";

const CELL_PIXELS = 64; // at the zoom of the grid; the same as in crimemap.snapshot.format
const USUAL_PIXELS = 112; // of a cell on the screen
const TILE_CELLS = 4;
const LEAST_RADIUS = 19; // pixels; as crimemap.pages.map_marks
const SEGMENT_GAP = 1.5; // percent of the ring

export class Rings {
  constructor(incidents) {
    this.incidents = incidents;
  }

  /* Returns the zoom of the grid: its cells are as near to the usual width on the screen as a grid of powers of two allows, 79 to 158
     pixels, so that a ring always has room beside its neighbors. */
  gridZoom() {
    return Math.max(0, Math.round(this.incidents.map.getZoom() - Math.log2(USUAL_PIXELS / CELL_PIXELS)));
  }

  address(query) {
    const { map, data } = this.incidents;
    const [view, zoom] = [map.getBounds(), this.gridZoom()];
    const tile = (point) => map.project(point, zoom).divideBy(CELL_PIXELS * TILE_CELLS)._floor();
    const first = tile(view.getNorthWest()).multiplyBy(TILE_CELLS);
    const last = tile(view.getSouthEast()).multiplyBy(TILE_CELLS).add([TILE_CELLS - 1, TILE_CELLS - 1]);
    const centerOf = (cell) => map.unproject(cell.add([0.5, 0.5]).multiplyBy(CELL_PIXELS), zoom);
    const [north, south] = [centerOf(first), centerOf(last)];
    const edges = [south.lat, north.lng, north.lat, south.lng].map((degrees) => degrees.toFixed(5)).join();
    return `${data.bubblesUrl}?${[query, `z=${zoom}`, `view=${edges}`].filter(Boolean).join("&")}`;
  }

  marks({ zoom, families, bubbles, near, areas }) {
    return bubbles.map(([lat, lng, one, ...numbers], position) => {
      const counts = Object.fromEntries(families.map((family, number) => [family, numbers[number]]).filter(([, count]) => count));
      return this.mark({ lat, lng, one, counts, place: near[position], area: areas[position], zoom });
    });
  }

  mark({ lat, lng, one, counts, place, area, zoom }) {
    const { incidents } = this;
    const count = Object.values(counts).reduce((total, number) => total + number, 0);
    const node = element("button", "ring-mark");
    node.append(drawRing(counts, incidents.number.format(count), Object.keys(incidents.families)));
    const cell = this.cellBox(lat, lng, zoom);
    const canSplit = () => !one && count > 1 && incidents.map.getZoom() < incidents.map.getMaxZoom();
    const label = () =>
      incidents.text(canSplit() ? "many" : count === 1 ? "one" : "stacked", { place: place || incidents.text("somewhere"), count: incidents.number.format(count), kinds: incidents.describeFamilies(counts) });
    const activate = () => (canSplit() ? incidents.zoomTo({ lat, lng }) : incidents.onList(one || count === 1 ? [lat, lng, lat, lng] : cell, node));
    const covers = ({ at }) => Boolean(at) && at[0] >= cell[0] && at[0] <= cell[2] && at[1] >= cell[1] && at[1] <= cell[3];
    return { key: `ring ${zoom},${lat},${lng},${Object.entries(counts)}`, ...this.keepInCell(lat, lng, zoom), node, counts, count, area, label, activate, covers };
  }

  /* Returns the point, moved so far into its cell that its ring does not leave it. */
  keepInCell(lat, lng, zoom) {
    const { map, L } = this.incidents;
    const scale = 2 ** (map.getZoom() - zoom);
    const side = CELL_PIXELS * scale;
    const margin = Math.min(side / 2, LEAST_RADIUS + 7);
    const point = map.project([lat, lng], zoom).multiplyBy(scale);
    const corner = point.divideBy(side)._floor().multiplyBy(side);
    const clamp = (value, low) => Math.min(Math.max(value, low + margin), low + side - margin);
    return map.unproject(L.point(clamp(point.x, corner.x), clamp(point.y, corner.y)).divideBy(scale), zoom);
  }

  /* Returns [south, west, north, east] of the grid cell around a point. */
  cellBox(lat, lng, zoom) {
    const { map } = this.incidents;
    const corner = map.project([lat, lng], zoom).divideBy(CELL_PIXELS)._floor();
    const [north, south] = [corner, corner.add([1, 1])].map((each) => map.unproject(each.multiplyBy(CELL_PIXELS), zoom));
    return [south.lat, north.lng, north.lat, south.lng];
  }
}

function drawRing(counts, words, order) {
  const total = Object.values(counts).reduce((sum, number) => sum + number, 0);
  const radius = LEAST_RADIUS + Math.min(6, Math.round(Math.log2(total)));
  const drawing = shape("svg", { viewBox: "-26 -26 52 52", "aria-hidden": "true" });
  drawing.append(shape("circle", { class: "hole", r: radius }));
  const gap = Object.keys(counts).length > 1 ? SEGMENT_GAP : 0;
  let start = 0;
  for (const family of order) {
    const share = ((counts[family] ?? 0) / total) * 100;
    const dash = { pathLength: 100, "stroke-dasharray": `${Math.max(0.5, share - gap).toFixed(2)} 100`, "stroke-dashoffset": -(start + gap / 2).toFixed(2) };
    if (share) drawing.append(shape("circle", { class: `sg ${family}`, r: radius - 5, transform: "rotate(-90)", ...dash }));
    start += share;
  }
  const number = shape("text", { class: "n" });
  number.textContent = words;
  drawing.append(number);
  return drawing;
}
