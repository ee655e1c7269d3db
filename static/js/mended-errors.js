// Removes an error message once its field is mended: beside the field, and its line in the list at the top of the page.
//
// A text is mended when there is one and it fits; a choice or a day when it was changed. A receipt and files stay as the server
// judged them until the next Send.

import { countCharacters } from "./character-counter.js";

document.addEventListener("input", removeIfMended);
document.addEventListener("change", removeIfMended);

function removeIfMended({ target }) {
  if (!target.form || target.type === "file" || !isMended(target)) return;
  const id = `id_${target.name}`;
  document.getElementById(`${id}_error`)?.remove();
  target.closest("[data-required]")?.querySelector("[data-missing]")?.remove();
  for (const field of target.form.elements) {
    if (field.name !== target.name && field.id !== id) continue;
    field.classList.remove("is-invalid");
    field.removeAttribute("aria-invalid");
    const descriptions = field.getAttribute("aria-describedby");
    if (descriptions) field.setAttribute("aria-describedby", descriptions.replace(`${id}_error`, "").trim());
  }
  const list = document.getElementById("problem");
  list?.querySelectorAll("li a").forEach((link) => { if ([`#${id}`, `#${id}_0`].includes(link.hash)) link.parentElement.remove(); });
  if (list && !list.querySelector("li")) list.remove();
}

function isMended(field) {
  if (field.tagName !== "TEXTAREA") return field.type !== "text";
  const { limit } = field.dataset;
  const length = countCharacters(field.value);
  return Boolean(limit) && length <= Number(limit) && (length > 0 || field.defaultValue.trim() !== "");
}
