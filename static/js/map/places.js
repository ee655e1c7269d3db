/* The search field of the filter: places of our own data while one types. Nothing is asked of anyone else. */

import { button, element } from "../dom.js";

const PAUSE = 250; // milliseconds after the last key
const LEAST = 3; // characters

export function searchPlaces(selection, { url, text, chosen }) {
  let asking = null;
  let waiting = 0;

  function enhance() {
    const field = selection.form.elements.q;
    const found = element("ul", "places places-live");
    found.setAttribute("role", "list");
    const said = element("p", "form-text");
    said.setAttribute("role", "status");
    field.after(said, found);
    field.addEventListener("input", () => {
      clearTimeout(waiting);
      asking?.abort();
      if (field.value.trim().length < LEAST) show([], "");
      else waiting = setTimeout(() => search(), PAUSE);
    });
    field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") show([], "");
      if (event.key !== "Enter") return;
      event.preventDefault();
      clearTimeout(waiting);
      search({ go: true });
    });

    /* `go`: Enter was pressed, so the one place that is found is the one that is meant. */
    async function search({ go = false } = {}) {
      const words = field.value.trim();
      if (!words) return show([], "");
      asking?.abort();
      const mine = (asking = new AbortController());
      try {
        const answer = await fetch(`${url}?${selection.query}&q=${encodeURIComponent(words)}`, { signal: mine.signal, credentials: "omit" });
        if (!answer.ok) throw new Error(`places: ${answer.status}`);
        const { places } = await answer.json();
        if (mine.signal.aborted) return;
        if (go && places.length === 1) {
          show([], "");
          return chosen(places[0].query, places[0].name);
        }
        show(places, text(places.length === 1 ? "foundOne" : places.length ? "foundMany" : "foundNone", { count: places.length }));
      } catch {
        if (!mine.signal.aborted) show([], text("failedSearch"));
      }
    }

    function show(places, sentence) {
      said.textContent = sentence;
      found.replaceChildren(
        ...places.map(({ name, district, query }) => {
          const line = element("li");
          const choice = button("", "place-choice");
          const words = element("b", "", name);
          words.dir = "auto";
          choice.append(words);
          if (district) choice.append(" ", element("span", "small muted", district));
          choice.addEventListener("click", () => {
            show([], "");
            chosen(query, name);
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
