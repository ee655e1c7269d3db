/* The incidents behind a bubble that zooming in cannot split: a list beside the map (below it on a phone), a page at a time. */

import { button, element, refill } from "../dom.js";

export class IncidentPanel {
  constructor(figure, { url, symbols, text }) {
    Object.assign(this, { url, symbols, text });
    this.panel = element("section", "map-list");
    this.panel.setAttribute("aria-labelledby", "map-list-title");
    this.title = Object.assign(element("h2", "h-small"), { id: "map-list-title", tabIndex: -1 });
    this.list = element("ol", "rows-at");
    this.list.setAttribute("role", "list");
    this.pager = element("div", "map-pages");
    const closeButton = button(text("close"), "btn btn-s btn-line");
    closeButton.addEventListener("click", () => this.close(true));
    this.panel.addEventListener("keydown", (event) => event.key === "Escape" && this.close(true));
    this.panel.append(this.title, this.list, this.pager, closeButton);
    this.panel.hidden = true;
    figure.append(this.panel);
  }

  /* Lists the incidents of the filter `query` in `view` ([south, west, north, east]). `opener` gets the focus back on closing. */
  async open(query, view, opener, page = 1) {
    this.opener = opener;
    this.request?.abort();
    const request = (this.request = new AbortController());
    const viewText = view.map((degrees) => degrees.toFixed(5)).join();
    try {
      const response = await fetch(`${this.url}?${query}&view=${viewText}&page=${page}`, { signal: request.signal, credentials: "omit" });
      if (!response.ok) throw new Error(`rows: ${response.status}`);
      const listing = await response.json();
      if (request.signal.aborted) return;
      this.show(listing, (number) => this.open(query, view, opener, number));
    } catch {
      if (!request.signal.aborted) this.showError(() => this.open(query, view, opener, page));
    }
  }

  show({ rows, total, page, pages }, openPage) {
    this.title.textContent = this.text(total === 1 ? "listOne" : "listMany", { count: total });
    refill(this.list, ...rows.map((row) => this.row(row)));
    refill(this.pager);
    if (pages > 1) {
      const step = (key, number) => {
        const stepButton = button(this.text(key), "btn btn-s btn-line");
        stepButton.disabled = number < 1 || number > pages;
        stepButton.addEventListener("click", () => openPage(number));
        return stepButton;
      };
      this.pager.append(step("newer", page - 1), element("span", "", this.text("page", { page, pages })), step("older", page + 1));
    }
    this.reveal();
  }

  row({ url, category, family, when, block, outcome }) {
    const line = element("li");
    const link = Object.assign(element("a", "", ""), { href: url });
    if (this.symbols[family]) link.append(this.symbols[family].cloneNode(true));
    link.append(element("b", "", category));
    const where = element("span", "small", [when, block, outcome].filter(Boolean).join(" · "));
    where.dir = "auto";
    line.append(link, where);
    return line;
  }

  showError(reload) {
    this.title.textContent = this.text("failedList");
    refill(this.list);
    const retry = button(this.text("again"), "btn btn-s");
    retry.addEventListener("click", reload);
    refill(this.pager, retry);
    this.reveal();
  }

  reveal() {
    this.panel.hidden = false;
    this.title.focus({ preventScroll: true });
    this.panel.scrollTop = 0;
    this.panel.scrollIntoView({ block: "nearest" });
  }

  close(returnFocus = false) {
    this.request?.abort();
    if (this.panel.hidden) return;
    this.panel.hidden = true;
    if (returnFocus) (this.opener?.isConnected ? this.opener : document.querySelector(".live-map")).focus();
  }
}
