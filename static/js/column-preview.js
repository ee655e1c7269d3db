// Shows what the first rows become while the columns are chosen. Without script the button "Show the result" does it.
import { postPreviews } from "./posted-preview.js";

const form = document.querySelector("[data-preview-form]");

function show(page) {
  for (const selector of ["#setup-preview", ".setup-needs"]) {
    const fresh = page.querySelector(selector);
    if (fresh) form.querySelector(selector)?.replaceWith(fresh);
  }
}

if (form) form.addEventListener("change", postPreviews(form, 300, [200, 422], show));
