/* The menus of the bar and, on a phone, the sheet over the map: a drag of its upper edge chooses one of its three heights, as its
   radio buttons do. */

const MIN_DRAG_PIXELS = 30;

/* Closes the menus of the bar on Escape and on a press beside them. */
export function addMenus() {
  const menus = [...document.querySelectorAll(".bar details[name]")];
  addEventListener("keydown", (event) => {
    const open = event.key === "Escape" && menus.find((menu) => menu.open);
    if (!open) return;
    open.open = false;
    open.querySelector("summary").focus();
  });
  addEventListener("pointerdown", (event) => {
    for (const menu of menus) if (menu.open && !menu.contains(event.target)) menu.open = false;
  });
}

export function addSheet() {
  const heights = ["map", "both", "list"].map((name) => document.querySelector(`#sheet-${name}`));
  const handle = document.querySelector(".ph");
  let start = null;
  handle.addEventListener("pointerdown", (event) => {
    if (!event.target.closest("a, label")) start = event.clientY;
  });
  addEventListener("pointerup", (event) => {
    if (start === null) return;
    const moved = start - event.clientY;
    start = null;
    if (Math.abs(moved) < MIN_DRAG_PIXELS) return;
    const now = heights.findIndex((each) => each.checked);
    heights[Math.min(2, Math.max(0, now + Math.sign(moved)))].checked = true;
  });
  addEventListener("pointercancel", () => (start = null));
}
