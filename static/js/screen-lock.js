/* Covers the page while the session is locked, and gives it back as it was.

   The lock is the server's: this script only asks. While locked, the page's content is out of the document, in this module's
   memory; the title says nothing. All tabs of the session lock and unlock together. */

import { button, element, texts } from "./dom.js";
import { showPasskeyButtons } from "./passkey.js";

const settings = document.getElementById("screen-lock").dataset;
const text = texts({ dataset: settings });
const WARN_MS = 60000;
// What a person does is told to the server at most this often.
const TELL_EVERY_MS = 60000;
const channel = "BroadcastChannel" in window ? new BroadcastChannel("staff-screen") : null;
const realTitle = document.title;

let locksAt = Date.now() + Number(settings.seconds) * 1000;
let isBusy = false; // whether the person did something that the server hasn't been told
let held = null; // the page's content while it is covered
let focused = null;
let scrolledTo = 0;
let warning = null;
let countdown = null;

async function ask(method = "GET") {
  const headers = { Accept: "application/json" };
  if (method === "POST") headers["X-CSRFToken"] = settings.csrf;
  const response = await fetch(settings.state, { method, headers, redirect: "error", cache: "no-store" });
  const answer = await response.json();
  // On a shared computer another person may have signed in: the page isn't theirs.
  if (answer.state === "open" && String(answer.account) !== settings.account) return { state: "ended" };
  return answer;
}

function setDeadline(seconds) {
  locksAt = Date.now() + seconds * 1000;
  hideWarning();
}

/* Asks the server for the state of the session, and shows it. Without an answer a covered page stays covered. */
async function refresh(method = "GET") {
  let answer;
  try {
    answer = await ask(method);
  } catch {
    if (held || Date.now() >= locksAt) await cover();
    return;
  }
  if (answer.state === "open") {
    setDeadline(answer.seconds);
    uncover();
    channel?.postMessage("active");
  } else if (answer.state === "locked") {
    await cover();
  } else {
    leave();
  }
}

/* The session is over: nothing of the page may stay, and no question about unsent text may keep it. */
function leave() {
  held = null;
  document.body.textContent = "";
  window.addEventListener("beforeunload", (event) => event.stopImmediatePropagation(), { capture: true });
  location.reload();
}

/* Browsers that know <dialog> and not ":modal" throw, and the page would stay uncovered. */
function isModal(dialog) {
  try {
    return dialog.matches(":modal");
  } catch {
    return true;
  }
}

function hideContent() {
  if (held) return;
  hideWarning();
  focused = document.activeElement;
  scrolledTo = window.scrollY;
  for (const dialog of document.querySelectorAll("dialog[open]")) if (isModal(dialog)) dialog.dataset.wasModal = "1";
  held = document.createDocumentFragment();
  held.append(...document.body.childNodes);
  document.title = text("title");
}

async function cover() {
  if (held?.isShown) return;
  hideContent();
  held.isShown = true;
  channel?.postMessage("locked");
  await showLockPage();
}

/* Shows the server's lock page in place of the content. */
async function showLockPage() {
  try {
    const response = await fetch(settings.unlock, { headers: { Accept: "text/html" }, cache: "no-store" });
    if (response.status === 401) show(await response.text());
    else await refresh(); // another tab has opened it meanwhile, or the session is over
  } catch {
    showRetry();
  }
}

function show(html) {
  if (!held) return;
  const page = new DOMParser().parseFromString(html, "text/html").querySelector("#lock-page");
  if (!page) {
    showRetry();
    return;
  }
  const main = element("main", "lock-cover");
  main.append(element("h1", "", text("title")), page);
  document.body.textContent = "";
  document.body.append(main);
  const form = main.querySelector("form");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    unlock(form);
  });
  showPasskeyButtons(main);
  (main.querySelector("[aria-invalid='true']") ?? main.querySelector("input:not([type=hidden])"))?.focus();
}

function showRetry() {
  const main = element("main", "lock-cover");
  const again = button(text("retry"), "button");
  again.addEventListener("click", showLockPage);
  main.append(element("h1", "", text("title")), element("p", "", text("offline")), again);
  document.body.textContent = "";
  document.body.append(main);
  again.focus();
}

async function unlock(form) {
  const submit = form.querySelector("button[type=submit]:not([hidden])");
  submit.disabled = true;
  try {
    const body = new URLSearchParams(new FormData(form));
    const headers = { Accept: "application/json", "X-CSRFToken": body.get("csrfmiddlewaretoken") };
    const response = await fetch(settings.unlock, { method: "POST", body, headers, redirect: "error" });
    if (response.status === 204) {
      await refresh();
      channel?.postMessage("open");
    } else if (response.status === 403) {
      show(await response.text());
    } else {
      await refresh();
    }
  } catch {
    showRetry();
  } finally {
    submit.disabled = false;
  }
}

function uncover() {
  if (!held) return;
  document.body.textContent = "";
  document.body.append(held);
  held = null;
  document.title = realTitle;
  for (const dialog of document.querySelectorAll("dialog[data-was-modal]")) {
    delete dialog.dataset.wasModal;
    dialog.close();
    dialog.showModal();
  }
  window.scrollTo(0, scrolledTo);
  focused?.focus?.({ preventScroll: true });
}

function showWarning() {
  if (warning || held) return;
  warning = element("aside", "lock-warning");
  warning.setAttribute("aria-label", text("name"));
  const sentence = element("p");
  sentence.setAttribute("role", "alert");
  sentence.textContent = text("warning");
  const left = element("p", "lock-left");
  const stay = button(text("stay"), "button");
  stay.addEventListener("click", () => refresh("POST"));
  warning.append(sentence, left, stay);
  document.body.append(warning);
  countdown = setInterval(() => {
    left.textContent = text("left", { seconds: Math.max(0, Math.ceil((locksAt - Date.now()) / 1000)) });
  }, 1000);
}

function hideWarning() {
  clearInterval(countdown);
  warning?.remove();
  warning = null;
}

for (const kind of ["keydown", "pointerdown", "input", "wheel", "touchstart"]) {
  window.addEventListener(kind, () => { if (!held) isBusy = true; }, { capture: true, passive: true });
}

setInterval(() => {
  if (held || !isBusy) return;
  isBusy = false;
  refresh("POST");
}, TELL_EVERY_MS);

setInterval(() => {
  if (held) return;
  const left = locksAt - Date.now();
  if (left <= 0) refresh();
  else if (left <= WARN_MS) {
    if (isBusy) {
      isBusy = false;
      refresh("POST");
    } else showWarning();
  }
}, 1000);

channel?.addEventListener("message", ({ data }) => {
  if (data === "locked") cover();
  else if (data === "open") refresh();
  else if (data === "active" && !held) ask().then((answer) => answer.state === "open" && setDeadline(answer.seconds), () => {});
});

document.addEventListener("submit", (event) => {
  if (event.target.id !== "lock-form") return;
  event.preventDefault();
  fetch(event.target.action, { method: "POST", body: new URLSearchParams(new FormData(event.target)), redirect: "manual" })
    .then(() => cover(), () => cover());
});

/* A page that Back restores, or a computer that wakes up, shows nothing before the server says that it may. */
window.addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  hideContent();
  refresh();
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "visible" || Date.now() < locksAt) return;
  hideContent();
  refresh();
});
