/* At street zooms, where each type has its symbol: the types in view as buttons above the list, which hide and show their incidents.
   They tick the boxes of the form, whose rules they follow: a ticked family means all its types unless some of them are ticked. */

import { element, refill } from "../dom.js";

export class TypeKeys {
  /* `types`: symbols by category, in the order of the legend. */
  constructor(selection, types) {
    Object.assign(this, { selection, types, hidden: new Set() });
    this.place = document.querySelector("#type-keys");
    this.number = new Intl.NumberFormat(document.documentElement.lang);
    this.place.addEventListener("click", (event) => {
      const key = event.target.closest("[data-type]");
      if (key) this.toggle(key.dataset.type);
    });
  }

  /* Shows the types of these counts, and those hidden here; null shows none. */
  show(counts) {
    const focused = this.place.contains(document.activeElement) && document.activeElement.dataset.type;
    const slugs = counts ? Object.keys(this.types).filter((slug) => counts[slug] || (this.hidden.has(slug) && !this.isOn(slug))) : [];
    refill(this.place, ...slugs.map((slug) => this.key(slug, counts[slug] ?? 0)));
    this.place.hidden = !slugs.length;
    if (focused) this.place.querySelector(`[data-type="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }

  key(slug, count) {
    const isOn = this.isOn(slug);
    const key = Object.assign(element("button", isOn ? "key" : "key off"), { type: "button" });
    key.dataset.type = slug;
    key.setAttribute("aria-pressed", isOn);
    key.append(this.types[slug].cloneNode(true), element("span", "", this.types[slug].dataset.name), " ", element("b", "", this.number.format(count)));
    return key;
  }

  /* Returns the boxes of a type and of its family in the form, and those of all types of the family. */
  boxes(slug) {
    const line = this.selection.form.querySelector(`[data-category="${CSS.escape(slug)}"]`);
    const family = line.closest("[data-family]");
    return { own: line.querySelector("input"), family: family.querySelector(":scope > label input"), all: [...family.querySelectorAll("[data-category] input")] };
  }

  isOn(slug) {
    const { own, family, all } = this.boxes(slug);
    return own.checked || (family.checked && !all.some((box) => box.checked));
  }

  toggle(slug) {
    const { own, family, all } = this.boxes(slug);
    const isOn = this.isOn(slug);
    if (isOn && !own.checked) for (const box of all) box.checked = true;
    own.checked = !isOn;
    this.hidden[isOn ? "add" : "delete"](slug);
    family.checked = all.some((box) => box.checked);
    if (all.every((box) => box.checked)) for (const box of all) box.checked = false;
    this.selection.submit();
  }
}
