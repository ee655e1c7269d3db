// Shows what the first rows become while the columns are chosen. Without script the button "Show the result" does it.
const form = document.querySelector("[data-preview-form]");
const DELAY_MS = 300;
let timer = 0;
let running = null;

async function refresh() {
  running?.abort();
  running = new AbortController();
  const body = new FormData(form);
  body.set("preview", "1");
  try {
    const response = await fetch(location.href, { method: "POST", body, signal: running.signal, redirect: "error" });
    if (!response.ok && response.status !== 422) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const selector of ["#setup-preview", ".setup-needs"]) {
      const fresh = page.querySelector(selector);
      if (fresh) form.querySelector(selector)?.replaceWith(fresh);
    }
  } catch {
    // A newer change is on its way, or the connection is away: the button still works.
  }
}

form?.addEventListener("change", () => {
  clearTimeout(timer);
  timer = setTimeout(refresh, DELAY_MS);
});
