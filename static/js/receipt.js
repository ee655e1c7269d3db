// Tells the server that the receipt was seen, so that it is never shown again; copies and prints it.
// Everything else on the page works without script.

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

function confirmSeen() {
  if (document.visibilityState !== "visible") return;
  document.removeEventListener("visibilitychange", confirmSeen);
  const form = document.getElementById("leave-form");
  const body = new URLSearchParams([...new FormData(form), ["script", "1"]]);
  // If it fails, each button of the page confirms as well.
  fetch(form.elements.page[0].formAction, { method: "POST", body, keepalive: true }).catch(() => {});
}

document.addEventListener("visibilitychange", confirmSeen);
confirmSeen();
