/* The filter on the page: a form and links that work without script. With script, a change fetches the same page from the
   server and replaces parts of the present page with it, so that all text, counts and links come from the server, and the URL
   is always the page's own. */

import { refill } from "../dom.js";

const PAGE_PARTS = {
  "#lead": null,
  "#chips": (part) => document.querySelector("#lead").after(part),
  "#fresh": null,
  "#views": null,
  ".views2": null,
  "#keys": null,
  "#brush": null,
  "#day-slices": null,
  "#empty": (part) => document.querySelector("#rows").before(part),
  "#places": (part) => document.querySelector("#list").prepend(part),
  "#rows": null,
  "#below-rows": null,
  "#period-summary > span": null,
  "#types-summary > span": null,
};

export class Selection {
  /* `query`: of the page as loaded. `onRequest(query, isElsewhere)` is called when a selection is requested; `isElsewhere`: it is
     about another part of the map. `onChange({ query, requested, figure, position, fit })` follows once its page has loaded,
     `onFailure(sentence or null, retry)` if it fails. `viewText(isElsewhere)` is what the address says of the view, or "". */
  constructor({ query, onRequest, onChange, onFailure, viewText }) {
    Object.assign(this, { query, onRequest, onChange, onFailure, viewText });
    this.form = document.querySelector("#filter");
    this.page = document.body;
    this.form.addEventListener("change", (event) => this.handleFieldChange(event.target));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.page.addEventListener("click", (event) => this.handleClick(event));
    addEventListener("popstate", () => this.load(location.search.slice(1), { push: false }));
  }

  handleFieldChange(field) {
    if (!field.name) return;
    const { from, to } = this.form.elements;
    if (field.name === "days" && field.value === "" && !from.value && !to.value) {
      [from.value, to.value] = this.period(); // fill in dates to edit; request nothing yet
      return;
    }
    if (field === from || field === to) this.useDates();
    this.submit();
  }

  /* Makes the two dates count instead of a number of days. */
  useDates() {
    this.form.querySelector("[name=days][value='']").checked = true;
  }

  /* Returns the first and last day of the selection as ISO dates. */
  period() {
    const { from, to, days } = this.form.elements;
    const preset = Number(days.value || new URLSearchParams(this.query).get("days"));
    if (!preset) return [from.value || from.min, to.value || to.max];
    const first = new Date(`${to.max}T00:00Z`);
    first.setUTCDate(first.getUTCDate() - preset + 1);
    const day = first.toISOString().slice(0, 10);
    return [day < from.min ? from.min : day, to.max];
  }

  /* Requests the selection that the form shows. */
  submit() {
    const fields = new FormData(this.form);
    for (const [name, value] of [...fields]) if (value === "" && name !== "days") fields.delete(name);
    return this.load(new URLSearchParams(fields).toString(), { refillForm: false });
  }

  /* Requests the same selection elsewhere: `parts` replace its area, circle and box. */
  moveTo(parts) {
    const query = new URLSearchParams(this.query);
    for (const name of ["area", "near", "radius", "box"]) query.delete(name);
    for (const [name, value] of Object.entries(parts)) query.set(name, value);
    return this.load(formatQuery(query));
  }

  handleClick(event) {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (link.origin !== location.origin || link.pathname !== location.pathname || link.hash) return;
    event.preventDefault();
    this.load(link.search.slice(1));
  }

  /* Loads the selection of a query string. `refillForm`: replace the form as well. */
  async load(raw, { push = true, refillForm = true } = {}) {
    this.request?.abort();
    const request = (this.request = new AbortController());
    const parts = new URLSearchParams(raw);
    const at = parts.get("at");
    parts.delete("at");
    parts.delete("shade");
    const requested = formatQuery(parts);
    const isElsewhere = !coversSamePlace(requested, this.query);
    this.onRequest(requested, isElsewhere);
    const retry = () => this.load(raw, { push, refillForm });
    this.form.setAttribute("aria-busy", "true");
    let page;
    try {
      const response = await fetch(`${location.pathname}?${requested}`, { signal: request.signal, credentials: "omit" });
      page = new DOMParser().parseFromString(await response.text(), "text/html");
      if (request.signal.aborted) return;
      if (!response.ok) return this.onFailure(response.status === 400 ? page.querySelector("main li")?.textContent : null, retry);
    } catch {
      if (!request.signal.aborted) this.onFailure(null, retry);
      return;
    } finally {
      if (this.request === request) this.form.removeAttribute("aria-busy");
    }
    try {
      this.query = page.querySelector("#crime-map").dataset.query;
      this.applyPage(page, refillForm);
      if (push) history.pushState(null, "", `?${this.query}${this.viewText(isElsewhere)}`);
      this.onChange({ query: this.query, requested, figure: page.querySelector("#crime-map"), position: at, fit: isElsewhere || !push });
    } catch {
      location.assign(`?${raw}`); // a script that fails here leaves the work to the plain page
    }
  }

  applyPage(page, refillForm) {
    document.title = page.title;
    const focused = document.activeElement;
    const heading = document.querySelector("#map-heading");
    heading.dataset.whole = page.querySelector("#map-heading").dataset.whole;
    for (const [part, insert] of Object.entries(PAGE_PARTS)) {
      const [current, next] = [document.querySelector(part), page.querySelector(part)];
      if (current && next) refill(current, ...[...next.childNodes].map((node) => node.cloneNode(true))); // some are of the form as well
      else if (current) current.remove();
      else if (next) insert(next);
    }
    const next = page.querySelector("#filter");
    const hiddenFields = (form) => ["near", "box"].map((name) => Boolean(form.elements[name]?.value)).join();
    if (refillForm || hiddenFields(next) !== hiddenFields(this.form)) this.refill(next);
    else this.updateCounts(next);
    this.form.dispatchEvent(new CustomEvent("updated"));
    if (focused !== document.body && !focused.isConnected && document.activeElement === document.body) {
      const lead = document.querySelector("#lead");
      lead.tabIndex = -1;
      lead.focus({ preventScroll: true });
    }
  }

  /* Replaces the form; the field with the focus keeps it. */
  refill(next) {
    const { id, name, value } = this.form.contains(document.activeElement) ? document.activeElement : {};
    refill(this.form, ...next.childNodes);
    const sameField = (id && this.form.querySelector(`#${CSS.escape(id)}`)) || [...this.form.elements].find((field) => name && field.name === name && field.value === value);
    sameField?.focus({ preventScroll: true });
    this.form.dispatchEvent(new CustomEvent("refilled"));
  }

  updateCounts(next) {
    const counts = new Map([...next.querySelectorAll("[name=category]")].map((box) => [box.value, box.closest("label").querySelector(".count").textContent]));
    for (const box of this.form.querySelectorAll("[name=category]")) {
      box.closest("label").querySelector(".count").textContent = counts.get(box.value) ?? "0";
    }
  }
}

/* Formats a query string as the server does: with plain commas and colons. */
export function formatQuery(query) {
  return query.toString().replace(/%2C/g, ",").replace(/%3A/g, ":");
}

/* Returns whether both queries are about the same part of the map. */
function coversSamePlace(firstQuery, secondQuery) {
  const [first, second] = [new URLSearchParams(firstQuery), new URLSearchParams(secondQuery)];
  return ["area", "near", "radius", "box"].every((name) => (first.get(name) ?? "") === (second.get(name) ?? ""));
}
