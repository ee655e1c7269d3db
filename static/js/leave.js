// Leaving in a hurry: a press on "Leave this site", or Shift three times, as on GOV.UK.
//
// The page goes blank, its fields are emptied, the inbox is closed, and a neutral site takes this page's place, so that Back
// does not bring it up. Without script the same links close the inbox on the server and go on; Back then still works.

import { clear } from "./clearing.js";

const IN_A_ROW = 3;
const PAUSE = 5000; // ms between two presses of Shift
const hint = document.querySelector("[data-shift]");
const hintAtRest = hint?.textContent;
let presses = 0;
let alone = false;
let timer;

function leave(link) {
  document.documentElement.hidden = true;
  clear();
  dispatchEvent(new Event("leave"));
  navigator.sendBeacon(link.href);
  location.replace(link.dataset.leave);
}

function count(number) {
  presses = number;
  clearTimeout(timer);
  if (number) timer = setTimeout(() => count(0), PAUSE);
  if (hint) hint.textContent = number ? hint.dataset.words.replace("{n}", IN_A_ROW - number) : hintAtRest;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-leave]");
  if (!link || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  leave(link);
});

// Only Shift by itself counts: not with a letter for a capital, not with a click.
document.addEventListener("keydown", (event) => {
  alone = event.key === "Shift" && (alone || !event.repeat);
  if (!alone && presses) count(0);
});
document.addEventListener("pointerdown", () => { alone = false; });
document.addEventListener("keyup", (event) => {
  if (event.key !== "Shift" || !alone) return;
  alone = false;
  if (presses + 1 < IN_A_ROW) count(presses + 1);
  else leave(document.querySelector("[data-leave]"));
});

// Kept whole in memory and shown again by Back: ask the server instead.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

document.querySelectorAll("[data-needs-script]").forEach((part) => { part.hidden = false; });
