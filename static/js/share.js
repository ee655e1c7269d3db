// Copying a story's address and printing. Everything else on the page works without script.

const said = document.querySelector("[data-copied]");

for (const print of document.querySelectorAll("[data-print]")) {
  print.hidden = false;
  print.addEventListener("click", () => window.print());
}

for (const copy of document.querySelectorAll("[data-copy]")) {
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    let words = copy.dataset.wordsDone;
    try {
      await navigator.clipboard.writeText(copy.dataset.copy);
    } catch {
      words = copy.dataset.wordsFailed; // this page may not reach the clipboard
    }
    said.textContent = words;
  });
}
