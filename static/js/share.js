// Copies a story's URL and prints it. Everything else on the page works without script.

const status = document.querySelector("[data-copied]");

for (const print of document.querySelectorAll("[data-print]")) {
  print.hidden = false;
  print.addEventListener("click", () => window.print());
}

for (const copy of document.querySelectorAll("[data-copy]")) {
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    let message = copy.dataset.wordsDone;
    try {
      await navigator.clipboard.writeText(copy.dataset.copy);
    } catch {
      message = copy.dataset.wordsFailed; // this page may not reach the clipboard
    }
    status.textContent = message;
  });
}
