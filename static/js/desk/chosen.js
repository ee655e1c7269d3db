/* Counts the chosen rows in the bar below the queue, and keeps them chosen when more rows are shown. */

const form = document.querySelector(".queue-form");
const count = document.querySelector("[data-picked-count]");
const CHOSEN_ROWS = "desk-chosen";

function boxes() {
  return [...form.querySelectorAll(".pick input")];
}

function show() {
  const chosen = form.querySelectorAll(".pick :checked").length;
  if (chosen) count.textContent = count.dataset.text.replace("{count}", chosen);
}

/* "Show 50 more" is a link, and leads to another page. Rows are remembered by the numbers of their tips, which are no words of theirs. */
function rememberChosen(event) {
  if (!event.target.closest?.(".queue-foot a")) return;
  const chosen = boxes().filter((box) => box.checked).map((box) => box.closest("li").id);
  try {
    sessionStorage.setItem(CHOSEN_ROWS, JSON.stringify(chosen));
  } catch { /* storage is turned off */ }
}

function chooseAgain() {
  try {
    const chosen = new Set(JSON.parse(sessionStorage.getItem(CHOSEN_ROWS) ?? "[]"));
    sessionStorage.removeItem(CHOSEN_ROWS);
    for (const box of boxes()) {
      if (chosen.has(box.closest("li").id)) box.checked = true;
    }
  } catch { /* storage is turned off */ }
}

if (count) {
  chooseAgain();
  form.addEventListener("click", rememberChosen);
  form.addEventListener("change", show);
  window.addEventListener("pageshow", show);
}
