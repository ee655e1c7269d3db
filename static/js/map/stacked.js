/* The incidents behind a bubble that no zoom parts: a list beside the map (below it on a phone), a page at a time. */

import { button, element } from "../dom.js";

export class Stacked {
  constructor(figure, { url, symbols, text }) {
    Object.assign(this, { url, symbols, text });
    this.panel = element("section", "map-list");
    this.panel.setAttribute("aria-labelledby", "map-list-title");
    this.title = Object.assign(element("h2", "h-small"), { id: "map-list-title", tabIndex: -1 });
    this.list = element("ol", "rows-at");
    this.list.setAttribute("role", "list");
    this.pages = element("div", "map-pages");
    const shut = button(text("close"), "btn btn-s btn-line");
    shut.addEventListener("click", () => this.close(true));
    this.panel.addEventListener("keydown", (event) => event.key === "Escape" && this.close(true));
    this.panel.append(this.title, this.list, this.pages, shut);
    this.panel.hidden = true;
    figure.append(this.panel);
  }

  /* Lists what the filter `query` has in `view` ([south, west, north, east]). */
  async open(query, view, from, page = 1) {
    this.from = from;
    this.asking?.abort();
    const asking = (this.asking = new AbortController());
    const place = view.map((degrees) => degrees.toFixed(5)).join();
    try {
      const answer = await fetch(`${this.url}?${query}&view=${place}&page=${page}`, { signal: asking.signal, credentials: "omit" });
      if (!answer.ok) throw new Error(`rows: ${answer.status}`);
      const found = await answer.json();
      if (asking.signal.aborted) return;
      this.show(found, (number) => this.open(query, view, from, number));
    } catch {
      if (!asking.signal.aborted) this.fail(() => this.open(query, view, from, page));
    }
  }

  show({ rows, total, page, pages }, turn) {
    this.title.textContent = this.text(total === 1 ? "listOne" : "listMany", { count: total });
    this.list.replaceChildren(...rows.map((row) => this.row(row)));
    this.pages.replaceChildren();
    if (pages > 1) {
      const step = (key, number) => {
        const turned = button(this.text(key), "btn btn-s btn-line");
        turned.disabled = number < 1 || number > pages;
        turned.addEventListener("click", () => turn(number));
        return turned;
      };
      this.pages.append(step("newer", page - 1), element("span", "", this.text("page", { page, pages })), step("older", page + 1));
    }
    this.appear();
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

  fail(again) {
    this.title.textContent = this.text("failedList");
    this.list.replaceChildren();
    const retry = button(this.text("again"), "btn btn-s");
    retry.addEventListener("click", again);
    this.pages.replaceChildren(retry);
    this.appear();
  }

  appear() {
    this.panel.hidden = false;
    this.title.focus({ preventScroll: true });
    this.panel.scrollTop = 0;
    this.panel.scrollIntoView({ block: "nearest" });
  }

  close(back = false) {
    this.asking?.abort();
    if (this.panel.hidden) return;
    this.panel.hidden = true;
    if (back) (this.from?.isConnected ? this.from : document.querySelector(".live-map")).focus();
  }
}
