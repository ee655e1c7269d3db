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
const SIDE_STREETS = { minor: 0.7, service: 0.3 }; // width over the shaded city, without an edge, so that the shading is seen
const KINDS = Object.keys(WIDTHS).reverse();
/* Icons of landmarks by kind, around the middle of a circle. */
const ICONS = {
  school: "M0-6L8-2.2 0 1.6-8-2.2zM-4.5-.3V4c2.7 2.2 6.3 2.2 9 0V-.3",
  library: "M0-4.5C-2-6-5-6-7-5.3V5c2-.7 5-.7 7 .8C2 4.3 5 4.3 7 5V-5.3C5-6 2-6 0-4.5zM0-4.5V5.8",
  hospital: "M-2-6.5H2V-2H6.5V2H2V6.5H-2V2H-6.5V-2H-2z",
  station: "M-5-5.5H5V4H-5zM-5 0H5M-3.5 4L-5.5 7M3.5 4l2 3M-2-5.5L0-8 2-5.5",
  police: "M0-6.5L5.5-4.5V0c0 3.5-2.5 5.5-5.5 6.5C-3 5.5-5.5 3.5-5.5 0V-4.5z",
  fire_station: "M0-7C1-4 4.5-2 4.5 2a4.5 4.5 0 0 1-9 0c0-2 1-3 1.7-5 .8.6 1.2 1.2 1.3 2C.5-2.5 1-4.5 0-7z",
  public_building: "M-6.5-2L0-6 6.5-2zM-5.5 5.5H5.5M-3.5-2V5.5M0-2V5.5M3.5-2V5.5",
  sports: "M-6 0a6 6 0 1 1 12 0a6 6 0 1 1-12 0zM-6 0H6M0-6V6",
  shopping: "M-5.5-2.5H5.5L6.5 6.5H-6.5zM-2.7-2.5V-4.3a2.7 2.7 0 0 1 5.4 0v1.800",
};
const ICON_RADIUS = 10;
const LINE = { characters: 18, height: 14 }; // of a landmark's name
const TOKENS = ["surface", "muted", "ink", "land", "water", "park", "street", "street-edge", "district", "map-label", "line"];

/* Adds the tiles to a Leaflet map, without the land: what lies below them shows between the streets. They are drawn anew when the
   device turns light or dark, and when the map comes closer than the shaded city, whose areas have names of their own: tiles of one
   zoom serve both. */
export function drawTiles(map, url, areaNamesFrom = 0) {
  const isCloser = () => map.getZoom() > areaNamesFrom;
  let layer = null;
  let drawn = null;
  const draw = () => {
    if (matchMedia("print").matches) return; // drawn after the page; static/css/crime-map.css makes the tiles of a dark screen light
    map.getContainer().classList.toggle("has-dark-tiles", matchMedia("(prefers-color-scheme: dark)").matches);
    const colors = readColors(map.getContainer());
    drawn = isCloser();
    const next = window.protomapsL.leafletLayer({
      url,
      attribution: "",
      paintRules: paintRules(colors, isCloser),
      labelRules: labelRules(colors, isCloser),
      maxDataZoom: 15,
      noWrap: true,
    });
    next.on("load", () => map.fire("named"));
    next.addTo(map);
    layer?.remove();
    layer = next;
  };
  draw();
  map.nameBoxes = () => findNames(map, layer);
  map.on("zoomend", () => {
    if (drawn === isCloser()) return;
    drawn = isCloser();
    layer.clearLayout();
    layer.redraw();
  });
  for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) matchMedia(query).addEventListener("change", draw);
}

/* Returns the boxes of what the layer names, in pixels of the map. */
function findNames(map, layer) {
  const scale = 2 ** (map.getZoom() - layer._tileZoom);
  const corner = map.project(map.getBounds().getNorthWest());
  const boxes = layer.labelers.getIndex(layer._tileZoom)?.tree.all() ?? [];
  return boxes.map(({ minX, minY, maxX, maxY }) => ({ left: minX * scale - corner.x, right: maxX * scale - corner.x, top: minY * scale - corner.y, bottom: maxY * scale - corner.y }));
}

/* Returns the tokens as colors that a canvas understands: computed ones have no var() and no color-mix(). */
function readColors(container) {
  const probe = container.appendChild(document.createElement("i"));
  probe.style.forcedColorAdjust = "none"; // else every color is that of text
  const colors = {};
  for (const name of TOKENS) {
    probe.style.color = `var(--${name})`;
    colors[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return colors;
}

function paintRules(colors, isCloser) {
  const { PolygonSymbolizer, LineSymbolizer } = window.protomapsL;
  const isArea = (_zoom, feature) => feature.geomType === 3;
  const isLine = (_zoom, feature) => feature.geomType === 2;
  const fill = (dataLayer, color, more = {}) => ({ dataLayer, symbolizer: new PolygonSymbolizer({ fill: color, ...more }), filter: isArea });
  const streets = (color, casing) =>
    KINDS.map((kind) => ({
      dataLayer: "streets",
      filter: (_zoom, feature) => feature.props.kind === kind,
      symbolizer: new LineSymbolizer({ color, width: (zoom) => (kind in SIDE_STREETS && !isCloser() ? SIDE_STREETS[kind] : streetWidth(kind, zoom) + (zoom < 14 ? casing / 2 : casing)), lineCap: "round", lineJoin: "round" }),
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

function labelRules(colors, isCloser) {
  const { CenteredTextSymbolizer, LineLabelSymbolizer } = window.protomapsL;
  const text = { fill: colors["map-label"], stroke: colors.land, width: 3 };
  const named = (kinds) => (_zoom, feature) => isCloser() && kinds.includes(feature.props.kind);
  const onStreet = (kinds, minzoom, size) => ({
    dataLayer: "streets",
    minzoom,
    filter: named(kinds),
    symbolizer: new LineLabelSymbolizer({ ...text, font: `600 ${size}px ${FONT}`, position: 2, repeatDistance: 350 }),
  });
  return [
    { dataLayer: "labels", maxzoom: 16, filter: named(["area"]), symbolizer: new CenteredTextSymbolizer({ ...text, font: `700 14px ${FONT}`, textTransform: "uppercase", letterSpacing: 1 }) },
    { dataLayer: "labels", maxzoom: 12, filter: (_zoom, feature) => feature.props.kind === "city", symbolizer: new CenteredTextSymbolizer({ ...text, font: `700 16px ${FONT}` }) },
    onStreet(["motorway", "major", "medium"], 13, 13),
    { dataLayer: "landmarks", minzoom: 14, filter: named(["park"]), symbolizer: new CenteredTextSymbolizer({ ...text, stroke: colors.park, font: `600 13px ${FONT}`, maxLineChars: 14 }) },
    { dataLayer: "landmarks", minzoom: 14, filter: named(Object.keys(ICONS)), symbolizer: { place: (layout, [[anchor]], { props }) => [placeLandmark(layout, anchor, props, colors)] } },
    onStreet(["minor"], 15, 13),
  ];
}

/* Returns the label of a landmark: the icon of its kind in a circle, its name beside it. */
function placeLandmark({ scratch }, anchor, { name, kind }, colors) {
  const font = `650 13px ${FONT}`;
  const lines = [""];
  for (const word of name.split(" ")) {
    const line = `${lines[lines.length - 1]} ${word}`.trim();
    if (line.length > LINE.characters && line !== word) lines.push(word);
    else lines[lines.length - 1] = line;
  }
  scratch.font = font;
  const width = Math.max(...lines.map((line) => scratch.measureText(line).width));
  const height = Math.max(ICON_RADIUS, (lines.length * LINE.height) / 2) + 1;
  const box = { minX: anchor.x - ICON_RADIUS - 1, maxX: anchor.x + ICON_RADIUS + 4 + width, minY: anchor.y - height, maxY: anchor.y + height };
  const draw = (canvas) => {
    const icon = new Path2D();
    icon.addPath(new Path2D(ICONS[kind]), new DOMMatrix([0.8, 0, 0, 0.8, 0, 0]));
    Object.assign(canvas, { font, textAlign: "left", textBaseline: "middle", lineJoin: "round", globalAlpha: 1 });
    canvas.beginPath();
    canvas.arc(0, 0, ICON_RADIUS, 0, 2 * Math.PI);
    Object.assign(canvas, { fillStyle: colors.surface, strokeStyle: colors.muted, lineWidth: 1.3 });
    canvas.fill();
    canvas.stroke();
    Object.assign(canvas, { strokeStyle: colors.ink, lineWidth: 1.3 });
    canvas.stroke(icon);
    Object.assign(canvas, { fillStyle: colors["map-label"], strokeStyle: colors.land, lineWidth: 5 });
    lines.forEach((line, number) => {
      const y = (number - (lines.length - 1) / 2) * LINE.height + 1;
      canvas.strokeText(line, ICON_RADIUS + 4, y);
      canvas.fillText(line, ICON_RADIUS + 4, y);
    });
  };
  return { anchor, bboxes: [box], draw };
}

function streetWidth(kind, zoom) {
  const widths = WIDTHS[kind];
  return zoom < 12 ? widths[0] * 0.7 ** (12 - zoom) : widths[Math.min(widths.length - 1, Math.round(zoom) - 12)];
}
