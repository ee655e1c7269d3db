// Puts a color picker beside each code, and shows the colors while they are chosen. Without script the button "Preview colors" does it.
const form = document.querySelector("[data-agency-form]");
const DELAY_MS = 250;
let timer = 0;
let running = null;

async function refresh() {
  running?.abort();
  running = new AbortController();
  const body = new FormData(form);
  body.set("preview", "1");
  try {
    const response = await fetch(location.href, { method: "POST", body, signal: running.signal, redirect: "error" });
    if (!response.ok) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = page.querySelector("#color-preview");
    if (!fresh) return;
    const old = form.querySelector("#color-preview");
    // Only what changes, so that the focus stays where it is.
    old.querySelector("link").href = fresh.querySelector("link").getAttribute("href");
    old.querySelector("[role=status]").replaceChildren(...fresh.querySelector("[role=status]").childNodes);
  } catch {
    // A newer change is on its way, or the connection is away: the button still works.
  }
}

function schedule() {
  clearTimeout(timer);
  timer = setTimeout(refresh, DELAY_MS);
}

for (const code of form?.querySelectorAll("[data-color]") ?? []) {
  const picker = document.createElement("input");
  picker.type = "color";
  picker.className = "color-picker";
  picker.setAttribute("aria-label", form.querySelector(`label[for="${code.id}"]`)?.textContent ?? "");
  picker.value = code.value || code.placeholder;
  picker.addEventListener("input", () => {
    code.value = picker.value;
    schedule();
  });
  code.addEventListener("input", () => {
    if (/^#[0-9a-f]{6}$/i.test(code.value || code.placeholder)) picker.value = code.value || code.placeholder;
    schedule();
  });
  code.after(picker);
}
