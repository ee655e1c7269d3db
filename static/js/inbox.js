// The inbox: counts the characters left, and sends a message so that typed text is never lost and sent text does not come back.

import { clear } from "./clear-fields.js";
import { drawCounters } from "./character-counter.js";
import { sendForm, uploads, uploadsReady } from "./sending.js";

let isBusy = false;

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.id !== "message-form") return;
  event.preventDefault();
  if (isBusy) return;
  isBusy = true;
  try {
    await uploadsReady(form.querySelector("[data-send]"));
    const response = await sendForm(form, event.submitter);
    if (response.ok) {
      clear();
      location.replace(`${new URL(response.url).pathname}?added=${Date.now()}#newest`);
    } else {
      // The same page with an error message, the receipt form, or the page that keeps the text: each contains the typed text.
      uploads?.adopt(response.page);
      document.getElementById("main").replaceWith(response.page.getElementById("main"));
      drawCounters();
      document.querySelector("[autofocus], .problem, h1")?.focus();
    }
  } catch {
    form.querySelector("[data-notice]").textContent = form.dataset.wordsLost;
  } finally {
    isBusy = false;
  }
});

drawCounters();
addEventListener("pageshow", drawCounters);
