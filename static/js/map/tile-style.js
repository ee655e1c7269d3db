/* Draws the tiles of the base map (crimemap.city_map.tiles) with protomaps-leaflet, in the portal's own colors. */

const FONT = "Hyperlegible, system-ui, sans-serif";
/* Width in pixels by zoom, from 12 up; between and beyond them the next one counts. */
const WIDTHS = {
  motorway: [2.4, 3, 4.5, 8, 12, 18, 29],
  major: [2, 2.6, 4, 7, 11, 17, 28],
  medium: [1.4, 1.9, 2.8, 5, 8.5, 14, 24],
  minor: [0.8, 1.2, 1.8, 3.2, 6, 11, 20],
  service: [0.5, 0.6, 0.8, 1.4, 2.6, 5, 10],
};
const KINDS = Object.keys(WIDTHS).reverse();
const TOKENS = ["land", "water", "park", "street", "street-edge", "district", "map-label", "line"];

/* Adds the tiles to a Leaflet map, without the land: what lies below them shows between the streets. They are drawn anew when the
   device turns light or dark. */
export function drawTiles(map, url, areaNamesFrom = 0) {
  let layer = null;
  const draw = () => {
    const colors = readColors(map.getContainer());
    const next = window.protomapsL.leafletLayer({
      url,
      attribution: "",
      paintRules: paintRules(colors),
      labelRules: labelRules(colors, areaNamesFrom),
      maxDataZoom: 15,
      noWrap: true,
    });
    next.addTo(map);
    layer?.remove();
    layer = next;
  };
  draw();
  for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) matchMedia(query).addEventListener("change", draw);
}

/* Returns the tokens as colors that a canvas understands: computed ones have no var() and no color-mix(). */
function readColors(container) {
  const probe = container.appendChild(document.createElement("i"));
  const colors = {};
  for (const name of TOKENS) {
    probe.style.color = `var(--${name})`;
    colors[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return colors;
}

function paintRules(colors) {
  const { PolygonSymbolizer, LineSymbolizer } = window.protomapsL;
  const isArea = (_zoom, feature) => feature.geomType === 3;
  const isLine = (_zoom, feature) => feature.geomType === 2;
  const fill = (dataLayer, color, more = {}) => ({ dataLayer, symbolizer: new PolygonSymbolizer({ fill: color, ...more }), filter: isArea });
  const streets = (color, casing) =>
    KINDS.map((kind) => ({
      dataLayer: "streets",
      filter: (_zoom, feature) => feature.props.kind === kind,
      symbolizer: new LineSymbolizer({ color, width: (zoom) => streetWidth(kind, zoom) + (zoom < 14 ? casing / 2 : casing), lineCap: "round", lineJoin: "round" }),
    }));
  return [
    fill("parks", colors.park),
    fill("water", colors.water),
    { dataLayer: "water", filter: isLine, symbolizer: new LineSymbolizer({ color: colors.water, width: (zoom) => Math.max(1, zoom - 12) }) },
    { ...fill("buildings", colors.line, { opacity: 0.35 }), minzoom: 16 },
    { dataLayer: "streets", minzoom: 16, filter: (_zoom, feature) => feature.props.kind === "path", symbolizer: new LineSymbolizer({ color: colors.street, width: 1, dash: [3, 3] }) },
    ...streets(colors["street-edge"], 2),
    ...streets(colors.street, 0),
    { dataLayer: "rails", symbolizer: new LineSymbolizer({ color: colors.district, width: 1.2, opacity: 0.55, dash: [8, 3] }) },
    { dataLayer: "borders", symbolizer: new LineSymbolizer({ color: colors.district, width: 1.6, dash: [8, 6] }) },
  ];
}

function labelRules(colors, areaNamesFrom) {
  const { CenteredTextSymbolizer, LineLabelSymbolizer } = window.protomapsL;
  const text = { fill: colors["map-label"], stroke: colors.land, width: 3 };
  const named = (kinds) => (_zoom, feature) => kinds.includes(feature.props.kind);
  const closer = Math.floor(areaNamesFrom + 0.5); // than the shaded city, whose areas have names of their own
  const onStreet = (kinds, minzoom, size) => ({
    dataLayer: "streets",
    minzoom: Math.max(minzoom, closer),
    filter: named(kinds),
    symbolizer: new LineLabelSymbolizer({ ...text, font: `600 ${size}px ${FONT}`, position: 2, repeatDistance: 350 }),
  });
  return [
    { dataLayer: "labels", minzoom: closer, maxzoom: 16, filter: named(["area"]), symbolizer: new CenteredTextSymbolizer({ ...text, font: `700 14px ${FONT}`, textTransform: "uppercase", letterSpacing: 1 }) },
    { dataLayer: "labels", maxzoom: 12, filter: named(["city"]), symbolizer: new CenteredTextSymbolizer({ ...text, font: `700 16px ${FONT}` }) },
    onStreet(["motorway", "major", "medium"], 13, 13),
    { dataLayer: "landmarks", minzoom: Math.max(14, closer), filter: named(["park"]), symbolizer: new CenteredTextSymbolizer({ ...text, stroke: colors.park, font: `600 12px ${FONT}`, maxLineChars: 14 }) },
    { dataLayer: "landmarks", minzoom: Math.max(15, closer), filter: (_zoom, feature) => feature.props.kind !== "park", symbolizer: new CenteredTextSymbolizer({ ...text, font: `italic 600 12px ${FONT}`, maxLineChars: 14 }) },
    onStreet(["minor"], 15, 12),
  ];
}

function streetWidth(kind, zoom) {
  const widths = WIDTHS[kind];
  return zoom < 12 ? widths[0] * 0.7 ** (12 - zoom) : widths[Math.min(widths.length - 1, Math.round(zoom) - 12)];
}
