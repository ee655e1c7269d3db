// Copies the receipt and a reminder, and prints the receipt. Everything else on the page works without script.

const print = document.querySelector("[data-print]");

function selectText(node) {
  const range = document.createRange();
  range.selectNodeContents(node);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}

print.hidden = false;
print.addEventListener("click", () => window.print());

for (const copy of document.querySelectorAll("[data-copy]")) {
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    const words = document.getElementById(copy.dataset.copy).firstElementChild;
    let message = copy.dataset.wordsDone;
    try {
      await navigator.clipboard.writeText(words.textContent);
    } catch {
      selectText(words); // the clipboard is not available: select the text for manual copying
      message = copy.dataset.wordsMarked;
    }
    document.querySelector("[data-copied]").textContent = message;
    copy.querySelector("span").textContent = message;
  });
}
