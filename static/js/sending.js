// One post of a form by fetch, as the browser would send it. The page stays, with everything typed, until the answer is here.
//
// Resolves to { ok, url, wait, page }: `page` is the answer as a document, `wait` the seconds it asks to wait. Rejects when no whole answer came.

const LONGEST_WAIT = 90_000; // Tor can be slow

export async function send(form, button) {
  const fields = new URLSearchParams(new FormData(form));
  if (button?.name) fields.append(button.name, button.value);
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), LONGEST_WAIT);
  try {
    const response = await fetch(form.getAttribute("action"), { method: "POST", body: fields, signal: stop.signal });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    return { ok: response.ok, url: response.url, wait: Number(response.headers.get("Retry-After")), page };
  } finally {
    clearTimeout(timer);
  }
}
