// One post of a form by fetch, as the browser would send it. The page stays, with everything typed, until the answer is here.
//
// Resolves to { ok, url, wait, page }: `page` is the answer as a document, `wait` the seconds it asks to wait. Rejects when no whole answer came.

const LONGEST_WAIT = 90_000; // Tor can be slow

export async function send(form, button) {
  const data = new FormData(form);
  if (button?.name) data.append(button.name, button.value);
  const carries = [...data.values()].some((value) => value.size); // files that could not be sent ahead
  const fields = carries ? data : new URLSearchParams([...data].filter(([, value]) => typeof value === "string"));
  const stop = new AbortController();
  const timer = setTimeout(() => carries || stop.abort(), LONGEST_WAIT);
  try {
    const response = await fetch(form.getAttribute("action"), { method: "POST", body: fields, signal: stop.signal });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    return { ok: response.ok, url: response.url, wait: Number(response.headers.get("Retry-After")), page };
  } finally {
    clearTimeout(timer);
  }
}

// Files are sent ahead as they are chosen. What does that is fetched with the first one; without it the form carries them.

export let files = null;
let taking;

document.addEventListener("change", ({ target }) => {
  const place = target.type === "file" && target.closest("[data-files]");
  if (!place) return;
  taking = import(place.dataset.module).then((module) => {
    files = module;
    return module.take(target);
  }).catch(() => {});
});

// Resolves once every file is there, or is to be left out.
export async function filesReady(button) {
  await taking;
  await files?.ready(button);
}
