/* Small helpers for pages that are made of words the server sent. */

const SVG = "http://www.w3.org/2000/svg";

export function element(tag, className = "", textContent = "") {
  return Object.assign(document.createElement(tag), { className, textContent });
}

export function button(words, className) {
  return Object.assign(element("button", className, words), { type: "button" });
}

/* A drawing of paths; beside words, so it says nothing itself. */
export function svg(viewBox, ...paths) {
  const drawing = shape("svg", { viewBox, "aria-hidden": "true" });
  drawing.append(...paths.map((d) => shape("path", { d })));
  return drawing;
}

export function shape(tag, attributes = {}) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/* Sentences of a page: data-text-near-me="..." is text("nearMe"); words in {braces} are filled in. */
export function texts({ dataset }, usual = {}) {
  return (key, values = {}) => {
    const sentence = dataset[`text${key[0].toUpperCase()}${key.slice(1)}`] ?? usual[key] ?? "";
    return sentence.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
  };
}
