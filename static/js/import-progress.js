// Updates the progress of an import. Without script the page shows it at each reload.
const section = document.querySelector("[data-progress]");
const bar = section.querySelector("progress");
const message = section.querySelector("[data-words]");
let pauseMs = 1000;

async function poll() {
  try {
    const response = await fetch(section.dataset.progress, { headers: { Accept: "application/json" } });
    if (response.redirected || !response.ok) throw new Error(String(response.status));
    const state = await response.json();
    if (!state.open) {
      location.reload();
      return;
    }
    if (state.percent === null) bar.removeAttribute("value");
    else bar.value = state.percent;
    if (message.textContent !== state.words) message.textContent = state.words;
    pauseMs = 1000;
  } catch {
    pauseMs = Math.min(pauseMs * 2, 30000); // the server is briefly unavailable, or the session has ended
  }
  setTimeout(poll, pauseMs);
}
setTimeout(poll, pauseMs);
