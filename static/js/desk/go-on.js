/* Posts the rest of a long act by itself. "Stop here" has a moment to be pressed. */

const PAUSE_MS = 400;
const form = document.querySelector("[data-go-on]");
let isLeaving = false;

form?.addEventListener("click", ({ target }) => {
  if (target.closest("a, button")) isLeaving = true;
});
if (form) {
  setTimeout(() => {
    if (!isLeaving) form.submit();
  }, PAUSE_MS);
}
