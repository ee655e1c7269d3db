// Copies and prints the receipt. Everything else on the page works without script.

const copy = document.querySelector("[data-copy]");
const print = document.querySelector("[data-print]");

function selectText(node) {
  const range = document.createRange();
  range.selectNodeContents(node);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}

copy.hidden = print.hidden = false;
print.addEventListener("click", () => window.print());
copy.addEventListener("click", async () => {
  const receipt = document.getElementById(copy.dataset.copy).firstElementChild;
  let message = copy.dataset.wordsDone;
  try {
    await navigator.clipboard.writeText(receipt.textContent);
  } catch {
    selectText(receipt); // the clipboard is not available: select the text for manual copying
    message = copy.dataset.wordsMarked;
  }
  document.querySelector("[data-copied]").textContent = message;
  copy.querySelector("span").textContent = message;
});
