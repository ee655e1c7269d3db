// Quick exit: a click on "Leave this site", or pressing Shift three times, as on GOV.UK.
//
// The page goes blank, its fields are emptied, the inbox session ends, a receipt is not shown again, and a neutral site replaces
// this page in the history. Without script the same buttons post #leave-form.

import { clear } from "./clear-fields.js";
import { isComposing } from "./dom.js";

const SHIFT_PRESSES = 3;
const MAX_PAUSE_MS = 5000; // between two presses of Shift
const hint = document.querySelector("[data-shift]");
const initialHint = hint?.textContent;
let presses = 0;
let isShiftAlone = false;
let timer;

function leave({ form, dataset }) {
  try {
    document.documentElement.hidden = true;
    signOut(form);
    dispatchEvent(new Event("leave"));
    clear();
  } catch { /* whatever this browser lacks, it leaves */ }
  location.replace(dataset.leave);
}

function signOut(form) {
  const body = new URLSearchParams([...new FormData(form), ["script", "1"]]);
  // Some people turn beacons off: navigator.sendBeacon is missing then.
  if (!navigator.sendBeacon?.(form.action, body)) fetch(form.action, { method: "POST", body, keepalive: true }).catch(() => {});
}

function setPresses(number) {
  presses = number;
  clearTimeout(timer);
  if (number) timer = setTimeout(() => setPresses(0), MAX_PAUSE_MS);
  if (hint) hint.textContent = number ? hint.dataset.words.replace("{n}", SHIFT_PRESSES - number) : initialHint;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-leave]");
  if (!button) return;
  event.preventDefault();
  leave(button);
});

// Only Shift by itself counts, not together with a letter or a click.
document.addEventListener("keydown", (event) => {
  isShiftAlone = !isComposing(event) && event.key === "Shift" && (isShiftAlone || !event.repeat);
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
