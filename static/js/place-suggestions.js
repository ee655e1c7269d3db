/* Suggestions below a search for a place (a form with data-suggest). They are posted, so that no address has what was typed.
   Without script the form's answer lists the places. */

import { element, fillUp, isComposing, refill } from "./dom.js";

const TYPING_PAUSE = 250; // milliseconds after the last key
const MIN_CHARACTERS = 2;
const BUCKET_BYTES = 2048; // of each post: longer than what fits into the field
let lists = 0;

for (const form of document.querySelectorAll("form[data-suggest]")) enhance(form);

function enhance(form) {
  const field = form.elements.q;
  const list = element("ul", "suggestions");
  const statusLine = element("p", "visually-hidden");
  list.id = `suggestions-${(lists += 1)}`;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", field.labels[0].textContent);
  statusLine.setAttribute("role", "status");
  field.setAttribute("role", "combobox");
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-controls", list.id);
  field.parentElement.append(list, statusLine);
  let [request, timer, places, active] = [null, 0, [], -1];
  show([], "");

  field.addEventListener("input", () => {
    clearTimeout(timer);
    request?.abort();
    form.elements.place?.remove(); // another text means another place
    if (field.value.trim().length < MIN_CHARACTERS) show([], "");
    else timer = setTimeout(search, TYPING_PAUSE);
  });
  field.addEventListener("blur", () => show([], ""));
  field.addEventListener("keydown", (event) => {
    if (isComposing(event)) return;
    if (event.key === "Escape" && places.length) {
      event.preventDefault();
      show([], "");
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && places.length) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      mark(active < 0 && step < 0 ? places.length - 1 : (active + step + places.length) % places.length);
    } else if (event.key === "Enter" && active >= 0) {
      event.preventDefault();
      choose(places[active]);
    }
  });
  list.addEventListener("pointerdown", (event) => event.preventDefault()); // keeps the field's focus until the click
  list.addEventListener("click", (event) => {
    const line = event.target.closest("li");
    if (line) choose(places[[...list.children].indexOf(line)]);
  });
  form.addEventListener("submit", ({ submitter }) => fill(submitter));
  addEventListener("pagehide", () => request?.abort());

  async function search() {
    const controller = (request = new AbortController());
    const body = fillUp(new URLSearchParams({ q: field.value.trim() }), BUCKET_BYTES);
    try {
      const response = await fetch(form.dataset.suggest, { method: "POST", body, signal: controller.signal, credentials: "omit" });
      if (!response.ok) throw new Error(`suggestions: ${response.status}`);
      const found = (await response.json()).places;
      if (controller.signal.aborted || document.activeElement !== field) return;
      const words = form.dataset;
      const sentence = found.length === 1 ? words.wordsOne : found.length ? words.wordsMany.replace("COUNT", found.length) : words.wordsNone;
      show(found, sentence);
    } catch {
      if (!controller.signal.aborted) show([], form.dataset.wordsFailed);
    }
  }

  function show(found, sentence) {
    [places, active] = [found, -1];
    statusLine.textContent = sentence;
    field.setAttribute("aria-expanded", String(found.length > 0));
    field.removeAttribute("aria-activedescendant");
    refill(
      list,
      ...found.map(({ name, kind, area }, number) => {
        const line = element("li");
        line.id = `${list.id}-${number}`;
        line.setAttribute("role", "option");
        line.setAttribute("aria-selected", "false");
        const label = element("b", "", name);
        label.dir = "auto";
        line.append(label, element("small", "", area && area !== name ? `${kind}, ${area}` : kind));
        return line;
      }),
    );
  }

  function mark(number) {
    active = number;
    [...list.children].forEach((line, each) => line.setAttribute("aria-selected", String(each === number)));
    field.setAttribute("aria-activedescendant", list.children[number].id);
    list.children[number].scrollIntoView({ block: "nearest" });
  }

  /* Puts a hidden field into the form, in place of the one of this name. */
  function hide(name, value) {
    form.elements[name]?.remove();
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  }

  /* Makes the form's post as long as any other. */
  function fill(submitter) {
    form.elements.fill?.remove();
    const fields = new URLSearchParams(new FormData(form));
    if (submitter?.name) fields.append(submitter.name, submitter.value);
    hide("fill", fillUp(fields, BUCKET_BYTES).get("fill"));
  }

  /* Sends the form with the chosen place, whose name replaces what was typed. */
  function choose({ ref, name }) {
    field.value = name;
    hide("place", ref);
    hide("known", name);
    fill();
    show([], "");
    form.submit(); // older than requestSubmit, and no script listens
  }
}
