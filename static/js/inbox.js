// The inbox: counts the characters left, and sends a message so that typed text is never lost and sent text does not come back.
//
// Where this browser cannot do that, it posts the form itself; the server accepts a message only once.

import { clear } from "./clear-fields.js";
import { drawCounters } from "./character-counter.js";
import { isComposing } from "./dom.js";
import "./mended-errors.js";
import { sendForm, uploads, uploadsReady } from "./sending.js";

let isBusy = false;

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.id !== "message-form") return;
  if (!isBusy) sendMessage(form).catch(() => form.submit());
  event.preventDefault(); // last: if anything above throws, the browser sends the form
});

async function sendMessage(form) {
  isBusy = true;
  const notice = form.querySelector("[data-notice]");
  notice.textContent = "";
  await uploadsReady(form.querySelector("[data-send]"));
  const response = await sendForm(form, null);
  isBusy = false;
  const main = response?.page.getElementById("main");
  if (!main) {
    notice.textContent = form.dataset.wordsLost;
    notice.focus();
  } else if (response.ok) {
    clear();
    location.replace(`${new URL(response.url).pathname}?added=${Date.now()}#newest`);
  } else {
    // The same page with an error message, the receipt form, or the page that keeps the text: each contains the typed text.
    uploads?.adopt(response.page);
    document.getElementById("main").replaceWith(main);
    drawCounters();
    document.querySelector("main [autofocus]")?.focus();
  }
}

// The receipt's field has two lines, so that all seven words are seen; Enter sends it all the same.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.target.id !== "id_receipt" || isComposing(event)) return;
  event.target.form.querySelector("[type=submit]").click();
  event.preventDefault();
});

drawCounters();
addEventListener("pageshow", drawCounters);
