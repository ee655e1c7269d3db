// The tip form in short steps.
//
// The page is one form with sections. This module shows one section at a time and adds a history entry for each step, so that
// Back goes to the previous step. No text is ever stored in the history, the URL or the browser's storage.
//
// Send posts by fetch, so that a lost connection costs nothing: everything typed is still on the page. Once the server has the
// tip, the fields are emptied, and the browser itself posts only the form's one-time token. The server knows the token and
// answers with the receipt (tips/views/source_pages.py). So the receipt is a page of its own in the history and can be reloaded,
// and neither the page before it nor the browser's copy of the POST contains any text of the tip.
//
// Where a browser lacks something that this module needs, or anything else throws, the plain form takes over: all sections are
// shown, and the browser posts them itself.

import { clear, emptyFields, visitName, wasCleared } from "./clear-fields.js";
import { drawCounters } from "./character-counter.js";
import { isComposing, refill } from "./dom.js";
import "./mended-errors.js";
import { sendForm, uploads, uploadsReady } from "./sending.js";

let isCleared = wasCleared();
const visit = visitName();
let form;
let steps;
let currentStep = 0;
let isBusy = false;
let maySend = true; // false while the server asks to wait
let isPlain = false; // true once the plain form has taken over
let pressedButton = null; // for browsers without SubmitEvent.submitter

const all = (selector, root = form) => [...root.querySelectorAll(selector)];
const one = (selector) => form.querySelector(selector);
const valueOf = (name) => String(new FormData(form).get(name) ?? "").trim();

// Returns a listener that leaves the event to the browser, and the page to the plain form, if the handler throws.
function guard(handler) {
  return (event) => {
    if (isPlain) return;
    try {
      handler(event);
    } catch {
      showPlainForm();
    }
  };
}

function showPlainForm() {
  isPlain = true;
  document.querySelectorAll("[data-step], [data-no-script-only], [data-first-only]").forEach((part) => { part.hidden = false; });
  document.querySelectorAll("[data-go], [data-progress], [data-review]").forEach((part) => { part.hidden = true; });
}

// Posts the form as the browser would have without this module. The server accepts a tip only once, however often it is posted.
function sendPlainly(button) {
  showPlainForm();
  if (button?.name) form.append(Object.assign(document.createElement("input"), { type: "hidden", name: button.name, value: button.value }));
  form.submit();
}

function start(newForm) {
  form = newForm;
  steps = all("[data-step]");
  all(".acts[hidden], [data-go][hidden], [data-progress], [data-review]").forEach((part) => { part.hidden = false; });
  all("[data-no-script-only]").forEach((part) => { part.hidden = true; });
  if (isCleared) emptyFields();
  drawCounters();
  const last = steps.length - 1;
  const stepWithError = steps.findIndex((step) => step.querySelector(".is-invalid, .invalid-feedback"));
  if (one("#problem")) {
    show(stepWithError < 0 ? last : stepWithError);
    one("#problem").focus();
    history.replaceState({ visit, step: currentStep, from: last }, "");
  } else {
    show(isCleared ? 0 : Math.min(history.state?.step ?? 0, last));
    history.replaceState({ ...(isCleared ? {} : history.state), visit, step: currentStep }, "");
  }
}

// Steps

function show(number) {
  currentStep = number;
  steps.forEach((step, index) => { step.hidden = index !== currentStep; });
  all("[data-first-only]", document).forEach((part) => { part.hidden = currentStep !== 0; });
  const marks = steps.map((_, index) => Object.assign(document.createElement("i"), { className: index <= currentStep ? "on" : "" }));
  refill(one("[data-progress]"), ...marks, element("span", form.dataset.wordsStep.replace("{step}", currentStep + 1).replace("{all}", steps.length)));
  showQuestions();
  loadPicker();
  if (currentStep === steps.length - 1) review();
}

function move(number) {
  const from = currentStep;
  show(number);
  history.pushState({ visit, step: number, from }, "");
  scrollToTop();
}

function scrollToTop() {
  document.getElementById(`step-${currentStep + 1}`).focus({ preventScroll: true });
  (currentStep ? form : document.body).scrollIntoView();
}

function back() {
  if (history.state?.from === currentStep - 1) history.back();
  else move(currentStep - 1);
}

function next() {
  if (reportMissingAnswer()) return;
  // If people came from the last step, by "Change" or by an error there, the next step is the last one again.
  move(history.state?.from > currentStep ? history.state.from : currentStep + 1);
}

// The server checks the same; checking here spares people three more steps before they learn of it.
function reportMissingAnswer() {
  all("[data-missing]").forEach((sentence) => sentence.remove());
  const needed = steps[currentStep].querySelector("[data-required]");
  if (!needed || valueOf(needed.dataset.required)) return false;
  const sentence = Object.assign(document.createElement("p"), { className: "invalid-feedback", textContent: needed.dataset.sentence });
  sentence.dataset.missing = "";
  sentence.setAttribute("role", "alert");
  needed.querySelector(".tiles, textarea").before(sentence);
  needed.querySelector("input, textarea").focus();
  return true;
}

addEventListener("popstate", guard((event) => {
  if (event.state?.step !== undefined) {
    show(event.state.step);
    scrollToTop();
  } // else a link within the page
  history.replaceState({ ...event.state, visit, step: currentStep }, "");
}));

// Shows the questions of the chosen category, and those of another category only if they have answers, so that none is hidden.
function showQuestions() {
  const chosen = valueOf("category");
  for (const group of all("details[data-category]")) {
    const isChosen = group.dataset.category === chosen;
    group.hidden = !isChosen && !all("input, textarea", group).some((field) => field.value.trim());
    if (isChosen) group.open = true;
  }
}

// The map picker loads when its step is shown: its script is not needed before, and large over Tor.
function loadPicker() {
  const picker = steps[currentStep].querySelector("[data-place-picker][data-module]");
  if (!picker) return;
  const url = picker.dataset.module;
  delete picker.dataset.module;
  import(url).catch(() => { picker.dataset.module = url; });
}

// Review before sending

function review() {
  const list = one("[data-review]");
  refill(list, ...steps.slice(0, -1).map(reviewSection));
}

function reviewSection(step, number) {
  const part = document.createElement("section");
  const head = document.createElement("h3");
  const title = document.getElementById(`step-${number + 1}`).textContent;
  const change = Object.assign(document.createElement("button"), { type: "button", className: "btn-link", textContent: form.dataset.wordsChange });
  change.dataset.goTo = number;
  change.setAttribute("aria-label", `${form.dataset.wordsChange}: ${title}`);
  head.append(title, " ", change);
  const rows = document.createElement("dl");
  for (const [label, value] of answersOf(step)) {
    rows.append(element("dt", label), element("dd", value));
    if (label === title) rows.lastChild.previousSibling.className = "visually-hidden";
  }
  if (!rows.children.length) part.append(head, element("p", form.dataset.wordsEmpty));
  else part.append(head, rows);
  return part;
}

// Returns [label, value] of each answered field of a step, in the page's own words.
function answersOf(step) {
  const rows = [];
  for (const field of all("input, textarea", step)) {
    if (field.name === "search" || field.name === "latitude") continue;
    if (field.name === "longitude") {
      if (field.value) rows.push([form.dataset.wordsMap, form.dataset.wordsPoint]);
    } else if (field.type === "file") {
      const names = [...field.files].map((file) => file.name).concat((field.multiple && uploads?.names()) || []);
      if (names.length) rows.push([labelText(field.labels[0]), names.join("\n")]);
      if (field.multiple) rows.push(...refusedFiles(step).map((sentence) => [form.dataset.wordsRefusedFile, sentence]));
    } else if (field.type === "hidden") continue;
    else if (field.type === "radio") {
      const label = field.name === "place_ref" ? form.dataset.wordsMap : labelText(field.closest("fieldset").querySelector("legend"));
      if (field.checked && field.value) rows.push([label, labelText(field.closest("label")?.querySelector("b") ?? field.labels[0])]);
    } else if (field.value.trim()) rows.push([labelText(field.labels[0]), field.type === "date" ? formatDate(field) : field.value.trim()]);
  }
  const danger = step.querySelector("#id_danger");
  if (danger && !danger.querySelector(":checked")) rows.push([labelText(danger.querySelector("legend")), form.dataset.wordsEmpty]);
  return rows;
}

// Returns a sentence for each file that was refused, by the script's own upload or by the server's page.
function refusedFiles(step) {
  const ofPage = [...step.querySelectorAll("[data-files] .invalid-feedback p")].map((sentence) => labelText(sentence));
  return ofPage.concat(uploads?.refusals() ?? []);
}

function labelText(node) {
  const copy = node.cloneNode(true);
  all(".optional, .visually-hidden", copy).forEach((part) => part.remove());
  return copy.textContent.trim();
}

function formatDate(field) {
  return field.valueAsDate?.toLocaleDateString(document.documentElement.lang, { dateStyle: "long", timeZone: "UTC" }) ?? field.value;
}

function element(tag, text) {
  const node = Object.assign(document.createElement(tag), { textContent: text });
  node.dir = "auto";
  return node;
}

// Sending

async function submitForm(button) {
  const isPlaceSearch = button?.name === "find_place";
  if (isBusy || !(maySend || isPlaceSearch)) return;
  isBusy = true;
  showNotice("");
  if (!isPlaceSearch) {
    await uploadsReady(one("[data-send]"));
    setSendLabel(form.dataset.wordsSending);
  }
  const response = await sendForm(form, isPlaceSearch ? button : null);
  if (response?.ok && !isPlaceSearch) {
    openReceipt(Boolean(response.page.querySelector("[data-repeated]")));
    return; // stays busy: the receipt is about to replace the page
  }
  isBusy = false;
  setSendLabel(form.dataset.wordsSend);
  if (isPlaceSearch) showPlaces(response?.page.getElementById("id_place_ref"));
  else if (response) showRejected(response);
  else showNotice(form.dataset.wordsLost);
}

// `isRepeated`: the tip had arrived before, so the receipt's page says that later changes were not saved.
function openReceipt(isRepeated) {
  const token = form.elements.namedItem("token").value;
  clear();
  const tokenForm = Object.assign(document.createElement("form"), { method: "post", action: form.getAttribute("action") });
  tokenForm.append(Object.assign(document.createElement("input"), { type: "hidden", name: "token", value: token }));
  if (isRepeated) tokenForm.append(Object.assign(document.createElement("input"), { type: "hidden", name: "repeated", value: "1" }));
  document.body.append(tokenForm);
  tokenForm.submit();
}

// The server did not accept the tip. Replaces the form with the server's, which has the error messages, but keeps the map and its
// chosen point. Of a page that only asks to press Send again, takes the message and the token.
function showRejected({ page, wait: waitSeconds }) {
  const newForm = page.getElementById("tip-form");
  if (!newForm) {
    const token = page.querySelector("[data-again] [name=token]");
    if (token) form.elements.namedItem("token").value = token.value;
    showNotice(page.querySelector("[data-again] [data-sentence]")?.textContent ?? form.dataset.wordsRefused);
    if (waitSeconds) startWaiting(waitSeconds);
    return;
  }
  for (const selector of ["#id_latitude", "#id_longitude", "[data-place-picker]"]) {
    const ourNode = one(selector);
    if (ourNode) newForm.querySelector(selector)?.replaceWith(ourNode);
  }
  uploads?.adopt(newForm);
  form.replaceWith(newForm);
  start(newForm);
}

function showPlaces(places) {
  if (!places) {
    showNotice(form.dataset.wordsOffline);
    return;
  }
  one("#id_place_ref").replaceWith(places);
  places.focus();
}

function showNotice(sentence) {
  const place = one("[data-notice]");
  place.textContent = "";
  if (!sentence) return;
  const box = element("p", sentence);
  box.className = "problem";
  box.tabIndex = -1;
  place.append(box);
  box.focus({ preventScroll: true });
  box.scrollIntoView({ block: "center" });
}

// Sets the label of the Send button; screen readers announce it unless it only counts down.
function setSendLabel(label, isAnnounced = true) {
  one("[data-send] span").textContent = label;
  if (isAnnounced) one("[data-progress-words]").textContent = label;
}

function startWaiting(seconds) {
  const until = Date.now() + seconds * 1000;
  maySend = false;
  const tick = setInterval(draw, 250);
  draw();

  function draw() {
    const left = Math.ceil((until - Date.now()) / 1000);
    maySend = left <= 0;
    if (!maySend) setSendLabel(left === 1 ? form.dataset.wordsWaitOne : form.dataset.wordsWait.replace("{seconds}", left), false);
    else {
      clearInterval(tick);
      setSendLabel(form.dataset.wordsSend, false);
      one("[data-progress-words]").textContent = form.dataset.wordsNow;
    }
  }
}

// Events

document.addEventListener("submit", guard((event) => {
  if (event.target !== form) return;
  const button = event.submitter ?? pressedButton;
  submitForm(button).catch(() => sendPlainly(button));
  event.preventDefault(); // last: if anything above throws, the browser sends the form
}));

document.addEventListener("click", guard((event) => {
  pressedButton = event.target.closest("button[type=submit]");
  const go = event.target.closest("[data-go]");
  const goTo = event.target.closest("[data-go-to]");
  const errorLink = event.target.closest("#problem a");
  if (go) (go.dataset.go < 0 ? back : next)();
  else if (goTo) move(Number(goTo.dataset.goTo));
  else if (errorLink) {
    event.preventDefault();
    const target = document.getElementById(errorLink.hash.slice(1));
    const step = steps.findIndex((part) => part.contains(target));
    if (step >= 0 && step !== currentStep) move(step);
    target?.focus();
  }
}));

document.addEventListener("change", guard((event) => {
  if (event.target.name === "category") showQuestions();
}));

document.addEventListener("files", guard(() => { if (currentStep === steps.length - 1) review(); }));

// Enter in a text field continues to the next step, in the street search it searches; it never sends a tip by accident.
document.addEventListener("keydown", guard((event) => {
  if (isComposing(event)) return;
  if (event.key !== "Enter" || event.target.type === "file" || event.target.form !== form || !event.target.matches("input, textarea[rows='1']")) return;
  const find = one("[name=find_place]");
  if (event.target.name === "search") submitForm(find).catch(() => sendPlainly(find));
  else if (currentStep < steps.length - 1) next();
  event.preventDefault();
}));

// Browsers may restore fields after this script has run, even those of a visit that was cleared.
addEventListener("pageshow", guard(() => {
  if (isCleared) emptyFields();
  isCleared = false;
  show(currentStep);
  drawCounters();
}));

guard(start)(document.getElementById("tip-form"));
