// The receipt page: copy and print. Everything else on it works without script.

const copy = document.querySelector("[data-copy]");
const print = document.querySelector("[data-print]");

function mark(words) {
  const range = document.createRange();
  range.selectNodeContents(words);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}

copy.hidden = print.hidden = false;
print.addEventListener("click", () => window.print());
copy.addEventListener("click", async () => {
  const words = document.getElementById(copy.dataset.copy).firstElementChild;
  let done = copy.dataset.wordsDone;
  try {
    await navigator.clipboard.writeText(words.textContent);
  } catch {
    mark(words); // no clipboard for this page: leave the copying to the person
    done = copy.dataset.wordsMarked;
  }
  document.querySelector("[data-copied]").textContent = done;
  copy.querySelector("span").textContent = done;
});
