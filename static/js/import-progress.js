// The progress of an import. Without this, the page shows it at each reload.
const section = document.querySelector("[data-progress]");
const bar = section.querySelector("progress");
const words = section.querySelector("[data-words]");
let pause = 1000;

async function look() {
  try {
    const answer = await fetch(section.dataset.progress, { headers: { Accept: "application/json" } });
    if (answer.redirected || !answer.ok) throw new Error(String(answer.status));
    const state = await answer.json();
    if (!state.open) {
      location.reload();
      return;
    }
    if (state.percent === null) bar.removeAttribute("value");
    else bar.value = state.percent;
    if (words.textContent !== state.words) words.textContent = state.words;
    pause = 1000;
  } catch {
    pause = Math.min(pause * 2, 30000); // the server is away for a moment, or the session is over
  }
  setTimeout(look, pause);
}
setTimeout(look, pause);
