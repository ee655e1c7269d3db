// Posts a form by fetch, as the browser would send it. The page with everything typed stays until the response has arrived.
//
// Resolves to { ok, url, wait, page }: `page` is the response as a document, `wait` the seconds it asks to wait. Resolves to null
// if no complete response arrived. Rejects only where this browser cannot do it: then the caller lets the browser post the form.

import { fillUp } from "./dom.js";

const TIMEOUT_MS = 90_000; // Tor can be slow
const BUCKET_BYTES = 16_384; // nearly all tips are one long, and so is the look-up of a street with all that was typed before it

export async function sendForm(form, button) {
  const data = new FormData(form);
  if (button?.name) data.append(button.name, button.value);
  const hasFiles = [...data.values()].some((value) => value.size); // files that could not be uploaded ahead
  const fields = hasFiles ? data : fillUp(new URLSearchParams([...data].filter(([, value]) => typeof value === "string")), BUCKET_BYTES);
  const controller = new AbortController();
  const timer = setTimeout(() => hasFiles || controller.abort(), TIMEOUT_MS);
  const request = fetch(form.getAttribute("action"), { method: "POST", body: fields, signal: controller.signal });
  const [response, text] = await readAll(request);
  clearTimeout(timer);
  if (!response) return null;
  const page = new DOMParser().parseFromString(text, "text/html");
  return { ok: response.ok, url: response.url, wait: Number(response.headers.get("Retry-After")), page };
}

// Returns the response and its text; neither if the connection failed.
async function readAll(request) {
  try {
    const response = await request;
    return [response, await response.text()];
  } catch {
    return [];
  }
}

// Files are uploaded as they are chosen, by a module loaded with the first one (uploads.js); without it the form sends them.

export let uploads = null;
let adding;

document.addEventListener("change", ({ target }) => {
  const box = target.type === "file" && target.closest("[data-files]");
  if (!box) return;
  const focused = document.activeElement;
  adding = import(box.dataset.module).then((module) => {
    uploads = module;
    return module.take(target, focused);
  }).catch(() => {});
});

// Resolves once every file is uploaded, or is to be left out.
export async function uploadsReady(button) {
  await adding;
  await uploads?.ready(button);
}
