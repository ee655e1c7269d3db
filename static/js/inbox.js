// The inbox: how much room a message has, and sending it so that nothing typed is lost and nothing sent comes back.

import { clear } from "./clearing.js";
import { drawCounters } from "./counter.js";
import { files, filesReady, send } from "./sending.js";

let busy = false;

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.id !== "message-form") return;
  event.preventDefault();
  if (busy) return;
  busy = true;
  try {
    await filesReady(form.querySelector("[data-send]"));
    const answer = await send(form, event.submitter);
    if (answer.ok) {
      clear();
      location.replace(`${new URL(answer.url).pathname}?added=${Date.now()}#newest`);
    } else {
      // The same page with its sentence, the receipt's door, or the page that keeps the text: each holds what was typed.
      files?.adopt(answer.page);
      document.getElementById("main").replaceWith(answer.page.getElementById("main"));
      drawCounters();
      document.querySelector("[autofocus], .problem, h1")?.focus();
    }
  } catch {
    form.querySelector("[data-notice]").textContent = form.dataset.wordsLost;
  } finally {
    busy = false;
  }
});

drawCounters();
addEventListener("pageshow", drawCounters);
