/* Counts the chosen rows in the bar below the queue. */

const form = document.querySelector(".queue-form");
const count = document.querySelector("[data-picked-count]");

function show() {
  const chosen = form.querySelectorAll(".pick :checked").length;
  if (chosen) count.textContent = count.dataset.text.replace("{count}", chosen);
}

if (count) {
  form.addEventListener("change", show);
  window.addEventListener("pageshow", show);
}
