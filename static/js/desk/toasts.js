/* Counts down what can be undone, and takes a toast away once it can't, unless it has the focus or the pointer. */

const box = document.querySelector("[data-toasts]");
const shownAt = performance.now();

function count(toast) {
  const left = Math.ceil(Number(toast.dataset.toast) - (performance.now() - shownAt) / 1000);
  const words = left > 0 ? box.dataset.wordsLeft.replace("{seconds}", left) : box.dataset.wordsOver;
  toast.querySelector(".left").textContent = words;
  if (left <= 0 && !toast.matches(":hover, :focus-within")) toast.remove();
}

if (box) {
  setInterval(() => box.querySelectorAll(".toast").forEach(count), 500);
}
