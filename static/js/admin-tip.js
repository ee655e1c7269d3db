/* A tip's page: asks before the page is left with text that was not sent. The text is in this page alone, in memory. */

const texts = [...document.querySelectorAll("[data-unsent-form] textarea")];
let isSending = false;

function isUnsent(text) {
  return text.value.trim() !== "";
}

document.querySelector("[data-unsent-form]")?.addEventListener("submit", () => {
  isSending = true; // the next page has the text, or sent it
});
window.addEventListener("pageshow", () => {
  isSending = false;
});
window.addEventListener("beforeunload", (event) => {
  if (!isSending && texts.some(isUnsent)) event.preventDefault();
});
