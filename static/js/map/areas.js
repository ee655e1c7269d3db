/* The whole city: its areas shaded by count or by change, each with its name and figure on top. Outlines are loaded once. */

import { element, refill } from "../dom.js";

export class Areas {
  constructor(incidents) {
    Object.assign(this, { incidents, paths: new Map(), lines: new Map() });
    const { L, map } = incidents;
    map.createPane("areas").style.zIndex = incidents.data.tilesUrl ? 190 : 390; // above the land, below water and streets
    this.layer = L.layerGroup();
  }

  address(query) {
    return `${this.incidents.data.areasUrl}?${query}`;
  }

  async marks({ areas, key }) {
    const { incidents } = this;
    this.outlines = this.outlines ?? (await this.loadOutlines());
    const shown = new Map(areas.map(([code, ...values]) => [code, values]));
    this.layer.addTo(incidents.map);
    this.showKey(key);
    const marks = [];
    for (const [code, lat, lng] of this.outlines) {
      if (!shown.has(code)) continue;
      const [name, count, shade, verdict, change, label] = shown.get(code);
      const path = this.paths.get(code);
      path.getElement()?.setAttribute("class", `leaflet-interactive ar c${shade} ${verdict}`);
      const node = element("button", "area-mark");
      const figure = element("b", "ct", incidents.number.format(count));
      const words = element("span", "ch", change);
      for (const each of [element("span", "nm", name), figure, words]) {
        each.setAttribute("aria-hidden", "true");
        node.append(each);
      }
      const activate = () => incidents.map.fitBounds(path.getBounds(), { maxZoom: incidents.map.getMaxZoom() - 1, padding: [8, 8] });
      const zoomIn = () => {
        const closer = incidents.map.getBoundsZoom(incidents.cityBounds) + 1.5;
        if (incidents.map.getBoundsZoom(path.getBounds()) >= closer) activate();
        else incidents.map.setView([lat, lng], closer);
      };
      const outline = this.lines.get(code);
      marks.push({ key: `area ${code} ${count} ${verdict}`, lat, lng, node, count, label: () => label, activate: zoomIn, covers: ({ area }) => area === code, outline });
      path.off("click").on("click", zoomIn);
      path.off("mouseover mouseout").on("mouseover mouseout", ({ type }) => {
        node.dispatchEvent(new MouseEvent(type === "mouseover" ? "mouseenter" : "mouseleave"));
        outline.getElement()?.classList.toggle("is-lit", type === "mouseover");
      });
    }
    return marks;
  }

  /* Puts the key of the shading above the list. */
  showKey(html) {
    const place = document.querySelector("#shade");
    refill(place, ...new DOMParser().parseFromString(html, "text/html").body.childNodes);
    place.dispatchEvent(new CustomEvent("shaded"));
  }

  async loadOutlines() {
    const { L, data } = this.incidents;
    const response = await fetch(data.outlinesUrl, { credentials: "omit" });
    if (!response.ok) throw new Error(`outlines: ${response.status}`);
    const outlines = await response.json();
    for (const [code, , , geometry] of outlines) {
      const points = L.GeoJSON.coordsToLatLngs(geometry.coordinates, geometry.type === "Polygon" ? 1 : 2);
      const path = L.polygon(points, { pane: "areas", className: "ar", weight: 2.5 });
      const line = L.polygon(points, { className: "ar-line", interactive: false }); // above the streets, to be seen when it is lit
      this.paths.set(code, path);
      this.lines.set(code, line);
      this.layer.addLayer(path).addLayer(line);
    }
    return outlines;
  }

  leave() {
    this.layer.remove();
    refill(document.querySelector("#shade"));
  }
}
