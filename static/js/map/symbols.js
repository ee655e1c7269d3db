/* Street zooms: a symbol for each incident, where one is alone on its block; two cards with the count where several share one point. */

import { element } from "../dom.js";

const CELL_PIXELS = 256; // views are requested in whole tiles of this width at the zoom of the grid
const GRID_ZOOM = 15;

export class Symbols {
  constructor(incidents) {
    this.incidents = incidents;
  }

  address(query) {
    const { map, data } = this.incidents;
    const view = map.getBounds();
    const tile = (point) => map.project(point, GRID_ZOOM).divideBy(CELL_PIXELS)._floor();
    const [first, last] = [tile(view.getNorthWest()), tile(view.getSouthEast()).add([1, 1])];
    const [north, south] = [first, last].map((each) => map.unproject(each.multiplyBy(CELL_PIXELS), GRID_ZOOM));
    const inset = 0.00002; // keeps the edges out of the next cells, to which the server widens
    const edges = [south.lat + inset, north.lng + inset, north.lat - inset, south.lng - inset].map((degrees) => degrees.toFixed(5)).join();
    return `${data.pointsUrl}?${[query, `view=${edges}`].filter(Boolean).join("&")}`;
  }

  marks({ points }) {
    return points.map((point) => this.mark(...point));
  }

  mark(lat, lng, label, categories, area) {
    const { incidents } = this;
    const { types, families } = incidents;
    const counts = {};
    for (const [slug, number] of Object.entries(categories)) {
      const family = types[slug]?.dataset.family ?? "other";
      counts[family] = (counts[family] ?? 0) + number;
    }
    const count = Object.values(counts).reduce((total, number) => total + number, 0);
    const node = element("button", count === 1 ? "type-mark" : "pile-mark");
    const type = count === 1 && types[Object.keys(categories)[0]];
    if (type) node.append(type.cloneNode(true));
    else {
      const number = element("span", "pile-count", incidents.number.format(count));
      number.setAttribute("aria-hidden", "true");
      const kinds = element("span", "pile-kinds");
      for (const slug of Object.keys(families)) {
        if (!counts[slug]) continue;
        const small = families[slug].cloneNode(true);
        small.querySelector("text")?.remove();
        kinds.append(small);
      }
      node.append(number, kinds);
    }
    const covers = ({ at }) => Boolean(at) && Math.abs(at[0] - lat) < 0.000005 && Math.abs(at[1] - lng) < 0.000005;
    const activate = () => incidents.onList([lat, lng, lat, lng], node);
    return { key: `point ${lat},${lng},${Object.entries(categories)}`, lat, lng, node, counts, categories, count, area, label: () => label, activate, covers };
  }
}
