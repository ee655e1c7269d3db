// The tip form in short steps.
//
// The page is one form of sections; this shows them one at a time, with an entry of the browser's history for each step, so
// that Back goes to the step before. No text is ever put in the history, the address or the browser's storage.
//
// Send posts by fetch, so that a broken line costs nothing: everything typed is still on the page. Once the server has the
// tip, the fields are emptied, and the browser itself posts the form's one-time token alone. The server knows that token and
// answers with the receipt (tips/views/source_pages.py). So the receipt stands in the history as a page of its own that may be reloaded,
// and neither the page behind it nor what the browser keeps of the post holds a word of the tip.

import { clear, emptyFields, nameOfVisit, wasCleared } from "./clearing.js";
import { drawCounters } from "./counter.js";
import { files, filesReady, send } from "./sending.js";

let cleared = wasCleared();
const visit = nameOfVisit();
let form;
let steps;
let at = 0;
let busy = false;
let open = true; // false while the server has asked to wait

const all = (selector, root = form) => [...root.querySelectorAll(selector)];
const one = (selector) => form.querySelector(selector);
const valueOf = (name) => String(new FormData(form).get(name) ?? "").trim();

function start(fresh) {
  form = fresh;
  steps = all("[data-step]");
  all(".acts[hidden], [data-go][hidden], [data-progress], [data-review]").forEach((part) => { part.hidden = false; });
  all("[data-no-script-only]").forEach((part) => { part.hidden = true; });
  if (cleared) emptyFields();
  drawCounters();
  const last = steps.length - 1;
  const wrong = steps.findIndex((step) => step.querySelector(".is-invalid, .invalid-feedback"));
  if (one("#problem")) {
    show(wrong < 0 ? last : wrong);
    one("#problem").focus();
    history.replaceState({ visit, step: at, from: last }, "");
  } else {
    show(cleared ? 0 : Math.min(history.state?.step ?? 0, last));
    history.replaceState({ ...(cleared ? {} : history.state), visit, step: at }, "");
  }
}

// Steps

function show(number) {
  at = number;
  steps.forEach((step, index) => { step.hidden = index !== at; });
  all("[data-first-only]", document).forEach((part) => { part.hidden = at !== 0; });
  const marks = steps.map((_, index) => Object.assign(document.createElement("i"), { className: index <= at ? "on" : "" }));
  one("[data-progress]").replaceChildren(...marks, element("span", form.dataset.wordsStep.replace("{step}", at + 1).replace("{all}", steps.length)));
  showQuestions();
  bringPicker();
  if (at === steps.length - 1) review();
}

function move(number) {
  const from = at;
  show(number);
  history.pushState({ visit, step: number, from }, "");
  toTop();
}

function toTop() {
  document.getElementById(`step-${at + 1}`).focus({ preventScroll: true });
  (at ? form : document.body).scrollIntoView();
}

function back() {
  if (history.state?.from === at - 1) history.back();
  else move(at - 1);
}

function next() {
  if (missing()) return;
  // Coming from the last step, by "Change" or by an error found there, the next step is the last one again.
  move(history.state?.from > at ? history.state.from : at + 1);
}

// The server says the same; said here, nobody fills in three more steps first.
function missing() {
  all("[data-missing]").forEach((sentence) => sentence.remove());
  const needed = steps[at].querySelector("[data-required]");
  if (!needed || valueOf(needed.dataset.required)) return false;
  const sentence = Object.assign(document.createElement("p"), { className: "invalid-feedback", textContent: needed.dataset.sentence });
  sentence.dataset.missing = "";
  sentence.setAttribute("role", "alert");
  const control = needed.querySelector(".tiles, textarea");
  control.before(sentence);
  needed.querySelector("input, textarea").focus();
  return true;
}

addEventListener("popstate", (event) => {
  if (event.state?.step !== undefined) {
    show(event.state.step);
    toTop();
  } // else a link within the page
  history.replaceState({ ...event.state, visit, step: at }, "");
});

// Follow-up questions of the chosen category; of another one only if something is written there, so that nothing goes unseen.
function showQuestions() {
  const chosen = valueOf("category");
  for (const group of all("details[data-category]")) {
    const own = group.dataset.category === chosen;
    group.hidden = !own && !all("input, textarea", group).some((field) => field.value.trim());
    if (own) group.open = true;
  }
}

// The map's button is fetched when its step is shown: most of what it weighs is of no use before, and much over Tor.
function bringPicker() {
  const picker = steps[at].querySelector("[data-place-picker][data-module]");
  if (!picker) return;
  const address = picker.dataset.module;
  delete picker.dataset.module;
  import(address).catch(() => { picker.dataset.module = address; });
}

// Everything once more before it is sent

function review() {
  const list = one("[data-review]");
  list.replaceChildren(...steps.slice(0, -1).map(section));
}

function section(step, number) {
  const part = document.createElement("section");
  const head = document.createElement("h3");
  const title = document.getElementById(`step-${number + 1}`).textContent;
  const change = Object.assign(document.createElement("button"), { type: "button", className: "btn-link", textContent: form.dataset.wordsChange });
  change.dataset.goTo = number;
  change.setAttribute("aria-label", `${form.dataset.wordsChange}: ${title}`);
  head.append(title, " ", change);
  const rows = document.createElement("dl");
  for (const [label, value] of said(step)) {
    rows.append(element("dt", label), element("dd", value));
    if (label === title) rows.lastChild.previousSibling.className = "visually-hidden";
  }
  if (!rows.children.length) part.append(head, element("p", form.dataset.wordsEmpty));
  else part.append(head, rows);
  return part;
}

// [label, value] of each answered field of a step, as the page words them.
function said(step) {
  const rows = [];
  for (const field of all("input, textarea", step)) {
    if (field.name === "search" || field.name === "latitude") continue;
    if (field.name === "longitude") {
      if (field.value) rows.push([form.dataset.wordsMap, form.dataset.wordsPoint]);
    } else if (field.type === "file") {
      const names = [...field.files].map((file) => file.name).concat((field.multiple && files?.names()) || []);
      if (names.length) rows.push([labelText(field.labels[0]), names.join("\n")]);
    } else if (field.type === "hidden") continue;
    else if (field.type === "radio") {
      const label = field.name === "place_ref" ? form.dataset.wordsMap : labelText(field.closest("fieldset").querySelector("legend"));
      if (field.checked && field.value) rows.push([label, labelText(field.closest("label")?.querySelector("b") ?? field.labels[0])]);
    } else if (field.value.trim()) rows.push([labelText(field.labels[0]), field.type === "date" ? day(field) : field.value.trim()]);
  }
  return rows;
}

function labelText(node) {
  const copy = node.cloneNode(true);
  all(".optional", copy).forEach((part) => part.remove());
  return copy.textContent.trim();
}

function day(field) {
  return field.valueAsDate?.toLocaleDateString(document.documentElement.lang, { dateStyle: "long", timeZone: "UTC" }) ?? field.value;
}

function element(tag, text) {
  const node = Object.assign(document.createElement(tag), { textContent: text });
  node.dir = "auto";
  return node;
}

// Sending

async function post(button) {
  const finding = button?.name === "find_place";
  if (busy || !(open || finding)) return;
  busy = true;
  notice("");
  if (!finding) {
    await filesReady(button ?? one("[data-send]"));
    setSendLabel(form.dataset.wordsSending);
  }
  try {
    const answer = await send(form, finding ? button : null);
    if (finding) showPlaces(answer.page);
    else if (answer.ok) {
      toReceipt();
      return; // stays busy: the page is about to be replaced
    } else {
      setSendLabel(form.dataset.wordsSend);
      showAgain(answer);
    }
  } catch {
    setSendLabel(form.dataset.wordsSend);
    notice(finding ? form.dataset.wordsOffline : form.dataset.wordsLost);
  }
  busy = false;
}

function toReceipt() {
  const token = form.elements.namedItem("token").value;
  clear();
  const ask = Object.assign(document.createElement("form"), { method: "post", action: form.getAttribute("action") });
  ask.append(Object.assign(document.createElement("input"), { type: "hidden", name: "token", value: token }));
  document.body.append(ask);
  ask.submit();
}

// Not taken. A form with its sentences takes the place of ours, and the map keeps what was chosen on it; of a plain page
// that asks to press Send again, the sentence and the token are enough.
function showAgain({ page, wait: seconds }) {
  const fresh = page.getElementById("tip-form");
  if (!fresh) {
    const token = page.querySelector("[data-again] [name=token]");
    if (token) form.elements.namedItem("token").value = token.value;
    notice(page.querySelector("[data-again] [data-sentence]")?.textContent ?? form.dataset.wordsRefused);
    if (seconds) wait(seconds);
    return;
  }
  for (const kept of ["#id_latitude", "#id_longitude", "[data-place-picker]"]) {
    const ours = one(kept);
    if (ours) fresh.querySelector(kept)?.replaceWith(ours);
  }
  files?.adopt(fresh);
  form.replaceWith(fresh);
  start(fresh);
}

function showPlaces(page) {
  const found = page.getElementById("id_place_ref");
  if (!found) throw new Error("not the form");
  one("#id_place_ref").replaceWith(found);
  found.focus();
}

function notice(sentence) {
  const place = one("[data-notice]");
  place.replaceChildren();
  if (!sentence) return;
  const box = element("p", sentence);
  box.className = "problem";
  place.append(box);
  box.scrollIntoView({ block: "center" });
}

// What the Send button says; told to screen readers too unless it only counts.
function setSendLabel(label, aloud = true) {
  one("[data-send] span").textContent = label;
  if (aloud) one("[data-progress-words]").textContent = label;
}

function wait(seconds) {
  const until = Date.now() + seconds * 1000;
  open = false;
  const tick = setInterval(draw, 250);
  draw();

  function draw() {
    const left = Math.ceil((until - Date.now()) / 1000);
    open = left <= 0;
    if (!open) setSendLabel(form.dataset.wordsWait.replace("{seconds}", left), false);
    else {
      clearInterval(tick);
      setSendLabel(form.dataset.wordsSend, false);
      one("[data-progress-words]").textContent = form.dataset.wordsNow;
    }
  }
}

// What people do

document.addEventListener("submit", (event) => {
  if (event.target !== form) return;
  event.preventDefault();
  post(event.submitter);
});

document.addEventListener("click", (event) => {
  const go = event.target.closest("[data-go]");
  const goTo = event.target.closest("[data-go-to]");
  const wrong = event.target.closest("#problem a");
  if (go) (go.dataset.go < 0 ? back : next)();
  else if (goTo) move(Number(goTo.dataset.goTo));
  else if (wrong) {
    event.preventDefault();
    const target = document.getElementById(wrong.hash.slice(1));
    const step = steps.findIndex((part) => part.contains(target));
    if (step >= 0 && step !== at) move(step);
    target?.focus();
  }
});

document.addEventListener("change", (event) => {
  event.target.closest("[data-required]")?.querySelector("[data-missing]")?.remove();
  if (event.target.name === "category") showQuestions();
});

document.addEventListener("files", () => { if (at === steps.length - 1) review(); });

// Enter in a line means "go on", in the search for a street "find"; it never sends a tip by accident.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.target.type === "file" || event.target.form !== form || !event.target.matches("input, textarea[rows='1']")) return;
  event.preventDefault();
  if (event.target.name === "search") post(one("[name=find_place]"));
  else if (at < steps.length - 1) next();
});

// Browsers may fill fields in again after this script has run, also those of a visit that was cleared.
addEventListener("pageshow", () => {
  if (cleared) emptyFields();
  cleared = false;
  show(at);
  drawCounters();
});

start(document.getElementById("tip-form"));
