/* Names win: marks step aside from the names and landmarks of the base map, from what lies on the map and from each other, no farther than half the cell of a
   ring, and at street zooms no farther than the end of the block. */

const LIMITS = { city: 0, middle: 56, street: 26 }; // pixels
const STEP = 8;
const DIRECTIONS = 12;
const CONTROLS = "#keys a, .attr, .leaflet-control, #tools > * > summary, #tools > button"; // those that are not on the map are far from all marks
const INSET = 4; // a mark's target is larger than what is drawn

/* Returns a function that arranges the marks; it is also called whenever the map has drawn names. */
export function keepNamesFree(map, incidents) {
  const frame = map.getContainer();
  const known = new Map(); // last step of each mark
  let zoom = null;
  const arrange = () => {
    if (map.getZoom() !== zoom) known.clear();
    zoom = map.getZoom();
    const limit = LIMITS[incidents.level];
    const names = [...nameBoxes(map, frame), ...boxesOf(document.querySelectorAll(CONTROLS), frame)];
    const placed = [];
    const marks = [...incidents.marks.values()].map(({ mark }) => ({ mark, at: map.latLngToContainerPoint(mark), width: mark.node.offsetWidth / 2 - INSET, height: mark.node.offsetHeight / 2 - INSET }));
    for (const each of marks) {
      const reach = limit + each.width;
      const near = [...(incidents.level === "city" ? [] : names), ...placed].filter((box) => box.left < each.at.x + reach && box.right > each.at.x - reach && box.top < each.at.y + reach && box.bottom > each.at.y - reach);
      const stays = [[0, 0], known.get(each.mark.key)].slice(0, each.mark.node.inert ? 1 : 2);
      const step = findStep(each, near, each.mark.node.inert ? 0 : limit, stays.filter(Boolean), map.getSize());
      known.set(each.mark.key, step);
      placed.push(boxAround(each, step));
    }
    for (const { mark } of marks) mark.node.style.translate = known.get(mark.key).map((pixels) => `${pixels}px`).join(" ");
  };
  map.on("named", arrange);
  return arrange;
}

/* Returns the boxes of names and landmarks, in pixels of the map. */
function nameBoxes(map, frame) {
  if (map.nameBoxes) return map.nameBoxes();
  return boxesOf(frame.querySelectorAll(".place-label:not(.street):not([hidden]) > span"), frame);
}

function boxesOf(nodes, frame) {
  const { left, top } = frame.getBoundingClientRect();
  return [...nodes].map((node) => {
    const box = node.getBoundingClientRect();
    return { left: box.left - left, right: box.right - left, top: box.top - top, bottom: box.bottom - top };
  });
}

/* Returns the first step, or the shortest, after which a mark covers none of the boxes; else the one that covers least. No mark steps
   out of view. */
function findStep(mark, boxes, limit, first, view) {
  let [best, least] = [[0, 0], Infinity];
  for (const step of steps(limit, first)) {
    const [x, y] = [mark.at.x + step[0], mark.at.y + step[1]];
    if (limit && (x < 0 || y < 0 || x > view.x || y > view.y)) continue;
    const box = boxAround(mark, step);
    const covered = boxes.reduce((sum, other) => sum + overlap(box, other), 0);
    if (covered < least) [best, least] = [step, covered];
    if (!covered) break;
  }
  return best;
}

function* steps(limit, first) {
  yield* first;
  for (let length = STEP; length <= limit; length += STEP) {
    for (let turn = 0; turn < DIRECTIONS; turn += 1) {
      const angle = (turn / DIRECTIONS) * 2 * Math.PI;
      yield [Math.round(Math.cos(angle) * length), Math.round(Math.sin(angle) * length)];
    }
  }
}

function boxAround({ at, width, height }, [x, y]) {
  return { left: at.x + x - width, right: at.x + x + width, top: at.y + y - height, bottom: at.y + y + height };
}

function overlap(first, second) {
  const [across, along] = [Math.min(first.right, second.right) - Math.max(first.left, second.left), Math.min(first.bottom, second.bottom) - Math.max(first.top, second.top)];
  return across > 0 && along > 0 ? across * along : 0;
}
