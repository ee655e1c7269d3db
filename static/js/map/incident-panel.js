/* The incidents of one point or one ring that zooming in cannot split: a list over the map, a page at a time. */

import { button, element, refill } from "../dom.js";
import { fetchRows } from "./row-list.js";

export class IncidentPanel {
  constructor(figure, { url, text }) {
    Object.assign(this, { url, text });
    this.panel = element("section", "map-list");
    this.panel.setAttribute("aria-labelledby", "map-list-title");
    this.title = Object.assign(element("h2", "h-small"), { id: "map-list-title", tabIndex: -1 });
    this.list = element("div", "rows-at");
    const closeButton = button(text("close"), "btn btn-s btn-line");
    closeButton.addEventListener("click", () => this.close(true));
    this.panel.addEventListener("keydown", (event) => event.key === "Escape" && this.close(true));
    this.panel.addEventListener("click", (event) => this.handleClick(event));
    this.panel.append(this.title, this.list, closeButton);
    this.panel.hidden = true;
    figure.append(this.panel);
  }

  /* Lists the incidents of the filter `query` in `view` ([south, west, north, east]). `opener` gets the focus back on closing. */
  async open(query, view, opener, page = 1) {
    this.opener = opener;
    this.request?.abort();
    const request = (this.request = new AbortController());
    const base = `${this.url}?${query}&view=${view.map((degrees) => degrees.toFixed(5)).join()}`;
    this.openPage = (number) => this.open(query, view, opener, number);
    try {
      const part = await fetchRows(`${base}&page=${page}`, request.signal);
      const total = part.find((node) => node.dataset?.total)?.dataset.total ?? "0";
      this.title.textContent = this.text(total === "1" ? "listOne" : "listMany", { count: total });
      refill(this.list, ...part);
      this.reveal();
    } catch {
      if (!request.signal.aborted) this.showError(() => this.openPage(page));
    }
  }

  handleClick(event) {
    const link = event.target.closest("[data-next]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.openPage(Number(new URL(link.href).searchParams.get("page")));
  }

  showError(reload) {
    this.title.textContent = this.text("failedList");
    const retry = button(this.text("again"), "btn btn-s");
    retry.addEventListener("click", reload);
    refill(this.list, retry);
    this.reveal();
  }

  reveal() {
    this.panel.hidden = false;
    this.title.focus({ preventScroll: true });
    this.panel.scrollTop = 0;
  }

  close(returnFocus = false) {
    this.request?.abort();
    if (this.panel.hidden) return;
    this.panel.hidden = true;
    if (returnFocus) (this.opener?.isConnected ? this.opener : document.querySelector(".live-map")).focus();
  }
}
