// Shows how many characters are left in a field. Counts as the server does: code points, one for a line break, none for spaces
// around the text. Updated at each key, but announced to screen readers only after a pause, when few characters are left.

const ANNOUNCE_AFTER_MS = 1000;
const ANNOUNCE_BELOW = 0.1; // of the limit
let timer;

export function countCharacters(text) {
  return [...text.replace(/\r\n?/g, "\n").trim()].length;
}

function draw(counter) {
  const field = document.getElementById(counter.dataset.counter);
  if (!field) return;
  const limit = Number(counter.dataset.limit);
  const left = limit - countCharacters(field.value);
  const template = left < 0 ? counter.dataset.wordsOver : counter.dataset.wordsLeft;
  counter.textContent = template.replace("{n}", Math.abs(left).toLocaleString(document.documentElement.lang));
  counter.classList.toggle("over", left < 0);
  clearTimeout(timer);
  if (left < limit * ANNOUNCE_BELOW) timer = setTimeout(() => { counter.nextElementSibling.textContent = counter.textContent; }, ANNOUNCE_AFTER_MS);
}

export function drawCounters() {
  document.querySelectorAll("[data-counter]").forEach(draw);
}

document.addEventListener("input", (event) => {
  const counter = event.target.id && document.querySelector(`[data-counter="${event.target.id}"]`);
  if (counter) draw(counter);
});
