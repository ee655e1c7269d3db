/* Suggestions below the filter's search field, from the portal's own data. No other service is involved. */

import { button, element, isComposing, refill } from "../dom.js";

const TYPING_PAUSE = 250; // milliseconds after the last key
const MIN_CHARACTERS = 3;

export function addPlaceSearch(selection, { url, text, onChoice }) {
  let request = null;
  let timer = 0;

  function enhance() {
    const field = selection.form.elements.q;
    const list = element("ul", "places places-live");
    list.setAttribute("role", "list");
    const statusLine = element("p", "form-text");
    statusLine.setAttribute("role", "status");
    field.after(statusLine, list);
    field.addEventListener("input", () => {
      clearTimeout(timer);
      request?.abort();
      if (field.value.trim().length < MIN_CHARACTERS) show([], "");
      else timer = setTimeout(() => search(), TYPING_PAUSE);
    });
    field.addEventListener("keydown", (event) => {
      if (isComposing(event)) return;
      if (event.key === "Escape") show([], "");
      if (event.key !== "Enter") return;
      event.preventDefault();
      clearTimeout(timer);
      search({ isFinal: true });
    });

    /* `isFinal`: Enter was pressed, so a single match is chosen at once. */
    async function search({ isFinal = false } = {}) {
      const searchText = field.value.trim();
      if (!searchText) return show([], "");
      request?.abort();
      const controller = (request = new AbortController());
      try {
        const response = await fetch(`${url}?${selection.query}&q=${encodeURIComponent(searchText)}`, { signal: controller.signal, credentials: "omit" });
        if (!response.ok) throw new Error(`places: ${response.status}`);
        const { places } = await response.json();
        if (controller.signal.aborted) return;
        if (isFinal && places.length === 1) {
          show([], "");
          return onChoice(places[0].query, places[0].name);
        }
        show(places, text(places.length === 1 ? "foundOne" : places.length ? "foundMany" : "foundNone", { count: places.length }));
      } catch {
        if (!controller.signal.aborted) show([], text("failedSearch"));
      }
    }

    function show(places, sentence) {
      statusLine.textContent = sentence;
      refill(
        list,
        ...places.map(({ name, district, query }) => {
          const line = element("li");
          const choice = button("", "place-choice");
          const label = element("b", "", name);
          label.dir = "auto";
          choice.append(label);
          if (district) choice.append(" ", element("span", "small muted", district));
          choice.addEventListener("click", () => {
            show([], "");
            onChoice(query, name);
          });
          line.append(choice);
          return line;
        }),
      );
    }
  }

  selection.form.addEventListener("refilled", enhance);
  enhance();
}
