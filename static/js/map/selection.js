/* The filter on the page: a form and links that work without script. With script a change asks the server for the same page
   and takes its parts from it, so that words, counts and links are always the server's, and the address stays the page's. */

const PARTS = {
  "#lead": null,
  "#chips": (part) => document.querySelector("#lead").after(part),
  "#views": null,
  "#below-map": null,
  "#latest": (part) => document.querySelector(".map-page").append(part),
  "#panel > summary": null,
};

export class Selection {
  /* `query`: of the page as it came. `asked(query, moves)` when a selection is asked for, elsewhere on the map if it moves;
     `changed({ query, asked, figure, place, fit })` once its page is there; `failed(sentence or null, again)` if it does not come.
     `at()` is what the address says of the view, or "". */
  constructor({ query, asked, changed, failed, at }) {
    Object.assign(this, { query, asked, changed, failed, at });
    this.form = document.querySelector("#filter");
    this.page = document.querySelector(".map-page");
    this.form.addEventListener("change", (event) => this.changedBy(event.target));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.page.addEventListener("click", (event) => this.clicked(event));
    addEventListener("popstate", () => this.go(location.search.slice(1), { push: false }));
  }

  changedBy(field) {
    if (field.name === "q" || !field.name) return;
    const { from, to } = this.form.elements;
    if (field.name === "days" && field.value === "" && !from.value && !to.value) {
      [from.value, to.value] = this.period(); // shown to be changed; nothing else is asked yet
      return;
    }
    if (field === from || field === to) this.takeDates();
    this.send();
  }

  /* The two dates count, not a number of days. */
  takeDates() {
    this.form.querySelector("[name=days][value='']").checked = true;
  }

  /* The first and last day of the selection, as date fields have them. */
  period() {
    const { from, to, days } = this.form.elements;
    const preset = Number(days.value || new URLSearchParams(this.query).get("days"));
    if (!preset) return [from.value || from.min, to.value || to.max];
    const first = new Date(`${to.max}T00:00Z`);
    first.setUTCDate(first.getUTCDate() - preset + 1);
    const day = first.toISOString().slice(0, 10);
    return [day < from.min ? from.min : day, to.max];
  }

  /* Sends the form as it stands. */
  send() {
    const fields = new FormData(this.form);
    fields.delete("q");
    for (const [name, value] of [...fields]) if (value === "" && name !== "days") fields.delete(name);
    return this.go(new URLSearchParams(fields).toString(), { whole: false });
  }

  /* The same selection at another place: `parts` instead of its area, circle and box. */
  elsewhere(parts) {
    const query = new URLSearchParams(this.query);
    for (const name of ["area", "near", "radius", "box"]) query.delete(name);
    for (const [name, value] of Object.entries(parts)) query.set(name, value);
    return this.go(readable(query));
  }

  clicked(event) {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (link.origin !== location.origin || link.pathname !== location.pathname || link.hash) return;
    event.preventDefault();
    this.go(link.search.slice(1));
  }

  /* Shows the selection of a query string. `whole`: the form is taken from the page, too. */
  async go(raw, { push = true, whole = true } = {}) {
    this.asking?.abort();
    const asking = (this.asking = new AbortController());
    const parts = new URLSearchParams(raw);
    const at = parts.get("at");
    parts.delete("at");
    const asked = readable(parts);
    const moves = !same(asked, this.query);
    this.asked(asked, moves);
    try {
      const answer = await fetch(`${location.pathname}?${asked}`, { signal: asking.signal, credentials: "omit" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (asking.signal.aborted) return;
      if (!answer.ok) {
        this.failed(answer.status === 400 ? page.querySelector("main li")?.textContent : null, () => this.go(raw, { push, whole }));
        return;
      }
      this.query = new URL(page.querySelector("#views a").href, location.href).search.slice(1);
      this.take(page, whole);
      if (push) history.pushState(null, "", `?${this.query}${!moves && this.at() ? `&at=${this.at()}` : ""}`);
      this.changed({ query: this.query, asked, figure: page.querySelector("#crime-map"), place: at, fit: moves || !push });
    } catch {
      if (!asking.signal.aborted) this.failed(null, () => this.go(raw, { push, whole }));
    }
  }

  take(page, whole) {
    document.title = page.title;
    const focused = document.activeElement;
    for (const [part, place] of Object.entries(PARTS)) {
      const [now, next] = [document.querySelector(part), page.querySelector(part)];
      if (now && next) now.replaceChildren(...next.childNodes);
      else if (now) now.remove();
      else if (next) place(next);
    }
    const next = page.querySelector("#filter");
    const has = (form) => ["near", "box"].map((name) => Boolean(form.elements[name]?.value)).join();
    if (whole || has(next) !== has(this.form)) this.refill(next);
    else this.recount(next);
    this.form.dispatchEvent(new CustomEvent("taken"));
    if (focused !== document.body && !focused.isConnected && document.activeElement === document.body) {
      const lead = document.querySelector("#lead");
      lead.tabIndex = -1;
      lead.focus({ preventScroll: true });
    }
  }

  /* The whole form anew, the field that has the focus keeping it. */
  refill(next) {
    const { id, name, value } = this.form.contains(document.activeElement) ? document.activeElement : {};
    this.form.replaceChildren(...next.childNodes);
    const again = (id && this.form.querySelector(`#${CSS.escape(id)}`)) || [...this.form.elements].find((field) => name && field.name === name && field.value === value);
    again?.focus({ preventScroll: true });
    this.form.dispatchEvent(new CustomEvent("refilled"));
  }

  recount(next) {
    const counts = new Map([...next.querySelectorAll("[name=category]")].map((box) => [box.value, box.closest("label").querySelector(".count").textContent]));
    for (const box of this.form.querySelectorAll("[name=category]")) {
      box.closest("label").querySelector(".count").textContent = counts.get(box.value) ?? "0";
    }
  }
}

/* As the server writes it: commas and colons stand for themselves. */
export function readable(query) {
  return query.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
}

/* Whether both mean the same part of the map. */
function same(one, other) {
  const [first, second] = [new URLSearchParams(one), new URLSearchParams(other)];
  return ["area", "near", "radius", "box"].every((name) => (first.get(name) ?? "") === (second.get(name) ?? ""));
}
