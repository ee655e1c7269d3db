/* A tip's page: puts templates in at the cursor, and switches between answer and note without a new page. */

const form = document.querySelector("form.tip");

/* As if typed: the browser can undo it, and the draft is kept. */
function insertAtCursor(field, text) {
  field.focus();
  if (document.execCommand("insertText", false, text)) return;
  field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

function putIn(button) {
  const menu = button.closest("[popover]");
  const option = menu.querySelector("[data-templates]").selectedOptions[0];
  menu.hidePopover?.();
  if (option) insertAtCursor(form.elements.answer, option.dataset.text);
}

function write(kind) {
  form.querySelector(`[name=kind][value=${kind}]`).checked = true;
  form.elements[kind].focus();
  form.elements[kind].scrollIntoView({ block: "nearest" });
}

form?.addEventListener("click", (event) => {
  const button = event.target.closest("[data-put-in], [data-write]");
  if (!button) return;
  event.preventDefault();
  if ("putIn" in button.dataset) putIn(button);
  else write(button.dataset.write);
});
/* A draft that is given back to a folded field shows it. */
form?.addEventListener("input", ({ target }) => {
  const fold = target.closest("details");
  if (fold && target.value) fold.open = true;
});
form?.addEventListener("change", ({ target }) => {
  if (target.name === "kind") form.elements[target.value].focus();
});
