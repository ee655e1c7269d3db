/* The list beside the map: the server's rows of the whole selection while the map shows the city, else those of the view. */

import { refill } from "../dom.js";

const PAUSE = 300; // milliseconds after the last move

export class RowList {
  constructor({ url, text }) {
    Object.assign(this, { url, text, known: "" });
    this.place = document.querySelector("#rows");
    this.heading = document.querySelector("#map-heading");
    this.where = document.querySelector("#where");
    this.lead = document.querySelector("#lead");
    this.number = new Intl.NumberFormat(document.documentElement.lang);
    this.takeServerList();
    this.place.addEventListener("click", (event) => this.handleClick(event));
  }

  /* The page has been given new rows by the server. */
  takeServerList() {
    this.whole = [...this.place.childNodes];
    this.known = "";
  }

  /* Lists the incidents of a filter in `bounds`, in the areas that `where` names, or with null the whole selection, as the server listed it. */
  show(query, bounds, total, where) {
    clearTimeout(this.timer);
    this.where.hidden = !bounds;
    this.lead.classList.toggle("visually-hidden", Boolean(bounds)); // it is about the whole selection
    if (!bounds) {
      this.request?.abort();
      if (this.known) refill(this.place, ...this.whole);
      this.known = "";
      this.heading.textContent = this.heading.dataset.whole;
      return;
    }
    this.where.textContent = this.text(where ? "where" : "whereDays", { where, days: document.querySelector("#brush-title b").textContent });
    this.heading.textContent = this.text(total === 1 ? "titleOne" : "titleMany", { count: this.number.format(total) });
    const [south, west, north, east] = [bounds.getSouth(), bounds.getWest(), bounds.getNorth(), bounds.getEast()];
    this.base = `${this.url}?${query}&view=${[south, west, north, east].map((degrees) => degrees.toFixed(5)).join()}`;
    if (this.base === this.known) return;
    this.timer = setTimeout(() => this.load(this.base, 1), PAUSE);
  }

  async load(base, page) {
    this.request?.abort();
    const request = (this.request = new AbortController());
    try {
      const part = await fetchRows(`${base}&page=${page}`, request.signal);
      if (page === 1) {
        refill(this.place, ...part);
        document.querySelector("#list").scrollTop = 0;
      } else {
        this.place.querySelector("[data-next]")?.closest(".nextp").remove();
        const first = part.map((node) => node.querySelector?.("a.row")).find(Boolean);
        this.place.append(...part);
        first?.focus();
      }
      [this.known, this.page] = [base, page];
    } catch {
      // The list before stays; the map's status line says when the map itself could not load.
    }
  }

  handleClick(event) {
    const link = event.target.closest("[data-next]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const next = new URL(link.href);
    const page = Number(next.searchParams.get("page"));
    next.searchParams.delete("page");
    const base = this.known || `${this.url}?${next.searchParams}`;
    this.load(base, page);
  }
}

/* Resolves to the nodes of a page of rows. */
export async function fetchRows(url, signal) {
  const response = await fetch(url, { signal, credentials: "omit" });
  if (!response.ok) throw new Error(`rows: ${response.status}`);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  if (signal.aborted) throw new Error("aborted");
  return [...page.body.childNodes];
}
