/* The map on the keyboard: one tab stop, arrow keys to the nearest mark that way, Home and End, plus and minus, Shift with an arrow to
   move the map, Escape back to the map itself, where Leaflet's own keys move it. */

const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const PAN_PIXELS = 120;
const SIDEWAYS_COST = 2.5; // a mark straight ahead wins over a nearer one aside

export function addMarkKeys(map, incidents) {
  const frame = map.getContainer();
  frame.addEventListener("keydown", (event) => {
    if (frame.classList.contains("is-drawing") || event.altKey || event.ctrlKey || event.metaKey) return;
    const isOnMark = event.target.closest?.(".mark-at");
    const direction = DIRECTIONS[event.key];
    if (!isOnMark) {
      if (event.target === frame && (event.key === "Enter" || event.key === "Home")) focusMark(event, incidents.current);
      return;
    }
    if (event.key === "Escape") {
      event.preventDefault();
      frame.focus({ preventScroll: true });
    } else if (event.key === "+" || event.key === "=" || event.key === "-") {
      event.preventDefault();
      if (event.key === "-") map.zoomOut();
      else map.setView(incidents.current, Math.min(map.getZoom() + 1, map.getMaxZoom()));
    } else if (direction && event.shiftKey) {
      event.preventDefault();
      map.panBy(direction.map((step) => step * PAN_PIXELS));
    } else if (direction) focusMark(event, nearestThatWay(direction));
    else if (event.key === "Home") focusMark(event, incidents.inView()[0]);
    else if (event.key === "End") focusMark(event, incidents.inView().slice(-1)[0]);
  });

  function focusMark(event, mark) {
    event.preventDefault();
    event.stopPropagation();
    mark?.node.focus({ preventScroll: true });
  }

  function nearestThatWay([x, y]) {
    const from = map.latLngToContainerPoint(incidents.current);
    let best = null;
    let least = Infinity;
    for (const mark of incidents.inView()) {
      const offset = map.latLngToContainerPoint(mark).subtract(from);
      const ahead = offset.x * x + offset.y * y;
      if (mark === incidents.current || ahead <= 0) continue;
      const cost = ahead + SIDEWAYS_COST * Math.abs(offset.x * y + offset.y * x);
      if (cost < least) [best, least] = [mark, cost];
    }
    return best;
  }
}
