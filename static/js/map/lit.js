/* Ties rows and marks: hover or focus on either lights both. */

export function tieRowsToMarks(incidents, map) {
  const side = document.querySelector("#list");
  let lit = [];
  const light = (nodes) => {
    for (const node of lit) node.classList.remove("is-lit");
    lit = nodes.filter(Boolean);
    for (const node of lit) node.classList.add("is-lit");
  };
  const describe = (row) => ({ at: row.dataset.at ? row.dataset.at.split(",").map(Number) : null, area: row.dataset.area });

  const lightMarks = (event) => {
    const row = event.target.closest?.("a.row");
    if (!row) return light([]);
    const marks = incidents.marksOf(describe(row));
    light([row, ...marks.flatMap(({ node, outline }) => [node, outline?.getElement()])]);
  };
  const lightRows = (event) => {
    const node = event.target.closest?.(".mark-at > button");
    const mark = node && [...incidents.marks.values()].find((marker) => marker.mark.node === node)?.mark;
    if (!mark) return light([]);
    light([node, mark.outline?.getElement(), ...[...side.querySelectorAll("a.row")].filter((row) => mark.covers(describe(row)))]);
  };
  for (const name of ["mouseover", "focusin"]) {
    side.addEventListener(name, lightMarks);
    map.getContainer().addEventListener(name, lightRows);
  }
  for (const name of ["mouseleave", "focusout"]) {
    side.addEventListener(name, () => light([]));
    map.getContainer().addEventListener(name, () => light([]));
  }
}
