// How many characters are left in a field. Counts as the server does: code points, one for a line end, none for spaces
// around the text. Drawn at each key; said to screen readers only when typing rests and little is left.

const REST = 1000;
const LITTLE = 0.1;
let timer;

function draw(counter) {
  const field = document.getElementById(counter.dataset.counter);
  if (!field) return;
  const limit = Number(counter.dataset.limit);
  const left = limit - [...field.value.replace(/\r\n?/g, "\n").trim()].length;
  const words = left < 0 ? counter.dataset.wordsOver : counter.dataset.wordsLeft;
  counter.textContent = words.replace("{n}", Math.abs(left).toLocaleString(document.documentElement.lang));
  counter.classList.toggle("over", left < 0);
  clearTimeout(timer);
  if (left < limit * LITTLE) timer = setTimeout(() => { counter.nextElementSibling.textContent = counter.textContent; }, REST);
}

export function drawCounters() {
  document.querySelectorAll("[data-counter]").forEach(draw);
}

document.addEventListener("input", (event) => {
  const counter = event.target.id && document.querySelector(`[data-counter="${event.target.id}"]`);
  if (counter) draw(counter);
});
