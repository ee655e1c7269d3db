/* Prints all that is in view on the screen, however narrow the paper, and returns to the screen's view afterwards. */

export function fitMapToPaper(map, moveByScript) {
  const printing = matchMedia("print");
  const { zoomSnap } = map.options;
  let screen = null;
  const fit = () => screen && map.fitBounds(screen.bounds, { animate: false });
  map.on("resize", () => moveByScript(fit));
  printing.addEventListener("change", () =>
    moveByScript(() => {
      if (printing.matches) {
        screen = { bounds: map.getBounds(), center: map.getCenter(), zoom: map.getZoom(), minZoom: map.getMinZoom() };
        Object.assign(map.options, { zoomSnap: 0, minZoom: 0 });
        map.invalidateSize({ animate: false });
        fit();
      } else if (screen) {
        const { center, zoom, minZoom } = screen;
        screen = null;
        Object.assign(map.options, { zoomSnap, minZoom });
        map.invalidateSize({ animate: false }).setView(center, zoom, { animate: false });
      }
    }),
  );
}
