/* Asks before a page of the desk is left with text that was not sent. The text is in this page alone, in memory. */

let isUnsent = document.querySelector('[data-unsaved="1"]') !== null;

document.addEventListener("input", (event) => {
  if (event.target.form?.method === "post") isUnsent = true;
});
document.addEventListener("submit", (event) => {
  // The next page has the text, or has stored it. A new tab leaves it here.
  if (event.target.target !== "_blank") isUnsent = false;
});
window.addEventListener("beforeunload", (event) => {
  if (isUnsent) event.preventDefault();
});
