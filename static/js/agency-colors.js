// Puts a color picker beside each code, and shows the colors while they are chosen. Without script the button "Preview colors" does it.
import { postPreviews } from "./posted-preview.js";

const form = document.querySelector("[data-agency-form]");

function show(page) {
  const fresh = page.querySelector("#color-preview");
  if (!fresh) return;
  const old = form.querySelector("#color-preview");
  // Only what changes, so that the focus stays where it is.
  old.querySelector("link").href = fresh.querySelector("link").getAttribute("href");
  old.querySelector("[role=status]").replaceChildren(...fresh.querySelector("[role=status]").childNodes);
}

const schedule = form ? postPreviews(form, 250, [200], show) : null;

for (const code of form?.querySelectorAll("[data-color]") ?? []) {
  const picker = document.createElement("input");
  picker.type = "color";
  picker.className = "color-picker";
  picker.setAttribute("aria-label", form.querySelector(`label[for="${code.id}"]`)?.textContent ?? "");
  picker.value = code.value || code.placeholder;
  picker.addEventListener("input", () => {
    code.value = picker.value;
    schedule();
  });
  code.addEventListener("input", () => {
    if (/^#[0-9a-f]{6}$/i.test(code.value || code.placeholder)) picker.value = code.value || code.placeholder;
    schedule();
  });
  code.after(picker);
}
