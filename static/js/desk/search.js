/* Goes on with a search by itself, slice by slice, and adds what is found to the list. Without it "Go on" is a button.

   The words are sealed in the form; nothing is kept here. When the line is gone or the session has ended, the button comes back. */

import { refill } from "../dom.js";

const RESULTS = "search-results";

/* Tells the server that a short first slice is enough: the rest follows. */
function mark(form) {
  if (form.elements.script) return;
  form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "script", value: "1" }));
}

function findForm() {
  return document.querySelector(`#${RESULTS} form[data-search-goes-on]`);
}

/* Returns the form of the next slice, after its rows were added to the list and its sentences replaced; null when it is done. */
function show(html) {
  const results = document.getElementById(RESULTS);
  const next = new DOMParser().parseFromString(html, "text/html");
  const list = results.querySelector(".rows2");
  const rows = next.querySelectorAll(".rows2 > li");
  if (!next.querySelector("[data-search-status]")) throw new Error("not a slice");
  if (list) {
    for (const row of rows) if (!document.getElementById(row.id)) list.append(row);
    const [form] = results.querySelectorAll("form.searching");
    const fresh = next.querySelector("form.searching");
    // The status stays the same node, so that screen readers hear each change of it.
    const status = form.querySelector("[data-search-status]");
    const freshStatus = fresh.querySelector("[data-search-status]");
    refill(status, ...freshStatus.childNodes);
    if (fresh.dataset.searchGoesOn !== undefined) {
      form.elements.state.value = fresh.elements.state.value;
      form.querySelector("progress").value = fresh.querySelector("progress").value;
      form.querySelector("progress").max = fresh.querySelector("progress").max;
    } else {
      for (const child of [...form.children]) if (child !== status) child.remove();
      form.append(...[...fresh.children].filter((child) => child !== freshStatus));
      delete form.dataset.searchGoesOn;
    }
  } else {
    refill(results, ...next.body.childNodes);
  }
  return findForm();
}

async function run() {
  let form = findForm();
  let stopped = false;
  const controller = new AbortController();
  const stop = () => { stopped = true; controller.abort(); };
  window.addEventListener("pagehide", stop);
  while (form && !stopped) {
    const goOn = form.querySelector("[data-search-go-on]");
    const halt = form.querySelector("[data-search-stop]");
    const running = form.querySelector("[data-running]");
    goOn.hidden = true;
    halt.hidden = false;
    halt.onclick = stop;
    running.textContent = running.dataset.running;
    const body = new URLSearchParams(new FormData(form));
    body.set("script", "1");
    body.set("fragment", "1");
    try {
      const answer = await fetch(form.action, { method: "POST", body, signal: controller.signal, redirect: "error" });
      if (!answer.ok) throw new Error(String(answer.status));
      form = show(await answer.text());
    } catch {
      stopped = true;
    }
  }
  const rest = findForm();
  if (!rest) return;
  const goOn = rest.querySelector("[data-search-go-on]");
  const halt = rest.querySelector("[data-search-stop]");
  goOn.hidden = false;
  if (document.activeElement === halt) goOn.focus();
  halt.hidden = true;
}

document.addEventListener("submit", ({ target }) => {
  if (target.elements.words || target.elements.state) mark(target);
});
run();
