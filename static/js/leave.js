// Quick exit: a click on "Leave this site", or pressing Shift three times, as on GOV.UK.
//
// The page goes blank, its fields are emptied, the inbox session ends, and a neutral site replaces this page in the history,
// so that Back does not show it. Without script the same links end the session on the server; Back then still works.

import { clear } from "./clear-fields.js";

const SHIFT_PRESSES = 3;
const MAX_PAUSE_MS = 5000; // between two presses of Shift
const hint = document.querySelector("[data-shift]");
const initialHint = hint?.textContent;
let presses = 0;
let isShiftAlone = false;
let timer;

function leave(link) {
  document.documentElement.hidden = true;
  clear();
  dispatchEvent(new Event("leave"));
  navigator.sendBeacon(link.href);
  location.replace(link.dataset.leave);
}

function setPresses(number) {
  presses = number;
  clearTimeout(timer);
  if (number) timer = setTimeout(() => setPresses(0), MAX_PAUSE_MS);
  if (hint) hint.textContent = number ? hint.dataset.words.replace("{n}", SHIFT_PRESSES - number) : initialHint;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-leave]");
  if (!link || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  leave(link);
});

// Only Shift by itself counts, not together with a letter or a click.
document.addEventListener("keydown", (event) => {
  isShiftAlone = event.key === "Shift" && (isShiftAlone || !event.repeat);
  if (!isShiftAlone && presses) setPresses(0);
});
document.addEventListener("pointerdown", () => { isShiftAlone = false; });
document.addEventListener("keyup", (event) => {
  if (event.key !== "Shift" || !isShiftAlone) return;
  isShiftAlone = false;
  if (presses + 1 < SHIFT_PRESSES) setPresses(presses + 1);
  else leave(document.querySelector("[data-leave]"));
});

// A page restored from the back-forward cache: load it from the server instead.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

document.querySelectorAll("[data-needs-script]").forEach((part) => { part.hidden = false; });
