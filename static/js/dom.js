/* Helpers to build nodes, and to read the texts that the server puts into data attributes. */

const SVG = "http://www.w3.org/2000/svg";

export function element(tag, className = "", textContent = "") {
  return Object.assign(document.createElement(tag), { className, textContent });
}

export function button(label, className) {
  return Object.assign(element("button", className, label), { type: "button" });
}

/* Gives `node` this content instead. (replaceChildren is too new for .browserslistrc.) */
export function refill(node, ...content) {
  node.textContent = "";
  node.append(...content);
}

/* Whether an input method is composing a word with this key, as in Japanese: shortcuts ignore it. */
export function isComposing(event) {
  return event.isComposing || event.keyCode === 229;
}

/* Fills the fields of a post (URLSearchParams) up to a multiple of so many bytes: its length says little of what was typed. */
export function fillUp(fields, bytes) {
  fields.set("fill", "");
  fields.set("fill", "a".repeat((bytes - (fields.toString().length % bytes)) % bytes));
  return fields;
}

/* Creates a drawing of paths beside text, hidden from screen readers. */
export function svg(viewBox, ...paths) {
  const drawing = shape("svg", { viewBox, "aria-hidden": "true" });
  drawing.append(...paths.map((d) => shape("path", { d })));
  return drawing;
}

export function shape(tag, attributes = {}) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

/* Returns a function for the texts of a page: text("nearMe") reads data-text-near-me; {placeholders} are filled in. */
export function texts({ dataset }, defaults = {}) {
  return (key, values = {}) => {
    const sentence = dataset[`text${key[0].toUpperCase()}${key.slice(1)}`] ?? defaults[key] ?? "";
    return sentence.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
  };
}
