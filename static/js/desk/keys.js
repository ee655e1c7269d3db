/* The keys of the desk. A letter presses the button that shows it: a button with <kbd>T</kbd> in it is pressed by T, wherever the
   page has it. So a key works where its button is, and nowhere else.

   Letters do nothing while someone types or composes a word, and can be turned off for an account. */

import { isComposing } from "../dom.js";

const sheet = document.getElementById("keys");
const SECOND_KEY_MS = 1500;
// Letters that show their button's menu or field; the rest press a button that acts at once.
const BUTTONS = "button, a[href], summary, label";

let wentAt = 0; // when G was pressed
let chosenFrom = null; // the row that X chose last

function isShown(node) {
  return node.getClientRects().length > 0 && !node.disabled;
}

function isOpenPopover(node) {
  try {
    return node.matches(":popover-open");
  } catch {
    return false; // browsers without popovers show them in the page
  }
}

function isTyping(target) {
  if (target.isContentEditable || target.matches?.("textarea, select")) return true;
  return target.matches?.("input") && !["checkbox", "radio", "button", "submit", "reset"].includes(target.type);
}

/* With rows chosen, their bar has its buttons first. */
function findByKey(label) {
  const hasKey = (node) => [...node.querySelectorAll("kbd")].some((key) => key.textContent.trim().toUpperCase() === label);
  const found = [...document.querySelectorAll(BUTTONS)].filter((node) => hasKey(node) && isShown(node));
  return found.find((node) => node.closest(".picked")) ?? found[0];
}

function focusInside(popover) {
  popover?.querySelector("input:not([type=hidden]), select, textarea, button, a[href]")?.focus();
}

function press(label) {
  const found = findByKey(label);
  if (!found) return false;
  found.click();
  const radio = found.matches("label") ? found.control : null;
  if (radio) {
    const field = [...found.closest(".pen, form").querySelectorAll("textarea")].find(isShown);
    field?.focus();
  }
  const opened = found.getAttribute("popovertarget");
  if (opened) focusInside(document.getElementById(opened));
  return true;
}

// Rows

/* What stands folded under a row is no row of the queue until it is unfolded: no key opens or chooses it. */
const ROW = ".rows2 > li:not(.wave)";

function rows() {
  return [...document.querySelectorAll(ROW)].filter((row) => row.querySelector("a") && isShown(row) && !row.closest("details:not([open])"));
}

function focusedRow() {
  return document.activeElement?.closest?.(ROW) ?? null;
}

/* The row whose fold has the focus, which J and K go on from. */
function rowOfFocusedFold() {
  return document.activeElement?.closest?.(".wave")?.previousElementSibling ?? null;
}

function focusRow(row) {
  if (!row) return;
  row.querySelector(".first a").focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

/* On a tip, J and K press "Next" and "Prev", if the queue doesn't have the focus. Below the last row is "Show 50 more". */
function step(by, label) {
  const all = rows();
  const more = document.querySelector(".queue-foot a");
  const row = focusedRow() ?? rowOfFocusedFold();
  const isAtMore = more !== null && document.activeElement === more;
  if (!row && !isAtMore && document.getElementById("tip") && press(label)) return;
  const index = isAtMore ? all.length : all.indexOf(row ?? document.querySelector(".rows2 > [aria-current]"));
  const next = index < 0 ? all[0] : all[index + by];
  if (next) focusRow(next);
  else if (by > 0) more?.focus();
}

function choose(isRange) {
  const row = focusedRow();
  const box = row?.querySelector(".pick input");
  if (!box) return;
  const all = rows();
  const from = all.indexOf(chosenFrom);
  if (isRange && from >= 0) {
    const [first, last] = [from, all.indexOf(row)].sort((one, other) => one - other);
    for (const each of all.slice(first, last + 1)) each.querySelector(".pick input").checked = true;
  } else {
    box.checked = !box.checked;
  }
  chosenFrom = row;
  box.dispatchEvent(new Event("change", { bubbles: true }));
}

function goToView(number) {
  const links = [...document.querySelectorAll(".views li a")];
  links[number - 1]?.click();
}

// Keys

function runLetter(event) {
  const key = readKey(event);
  if (wentAt && Date.now() - wentAt < SECOND_KEY_MS && key >= "1" && key <= "9") {
    wentAt = 0;
    goToView(Number(key));
    return true;
  }
  wentAt = 0;
  if (event.shiftKey && key === "L") {
    document.getElementById("lock-form")?.querySelector("button").click();
    return true;
  }
  if (event.shiftKey && key !== "X" && key !== "?") return false;
  if (event.repeat && key !== "J" && key !== "K") return false;
  switch (key) {
    case "J": step(1, "J"); return true;
    case "K": step(-1, "K"); return true;
    case "O": focusedRow()?.querySelector(".first a")?.click(); return true;
    case "X": choose(event.shiftKey); return true;
    case "G": wentAt = Date.now(); return true;
    case "/": document.getElementById("find")?.focus(); return true;
    default: return /^[A-Z.?]$/.test(key) && press(key);
  }
}

/* The letter on a keyboard of another alphabet, by its place. */
function readKey(event) {
  if (/^[a-z]$/i.test(event.key)) return event.key.toUpperCase();
  if (event.key.length === 1 && event.key > "\u007f" && /^Key[A-Z]$/.test(event.code)) return event.code.slice(3);
  return event.key;
}

/* Ctrl or Command with Enter presses the button that shows it, which goes on to the next tip. With Shift the tip stays. A translation's
   field has its own button. */
function send(event) {
  const part = event.target.closest("[data-sends]");
  const isOfPart = (button) => button.closest("[data-sends]") === part;
  const buttons = [...(event.target.form?.querySelectorAll("button[name=act]") ?? [])].filter((button) => isOfPart(button) && isShown(button));
  const stays = event.shiftKey && buttons.find((button) => button.value === "answer");
  const button = stays || buttons.find((each) => each.dataset.send !== undefined);
  button?.click();
  return Boolean(button);
}

function leaveField(event) {
  if (isOpenPopover(event.target.closest("[popover]") ?? event.target)) return false; // Esc closes it
  event.target.blur();
  return true; // a search field would be emptied
}

function clearChosen() {
  const reset = document.querySelector(".picked [type=reset]");
  if (!reset || !isShown(reset)) return false;
  if ([...document.querySelectorAll("[popover]")].some(isOpenPopover)) return false; // Esc closes the menu, and the rows stay chosen
  reset.click();
  return true;
}

function handle(event) {
  if (event.defaultPrevented || isComposing(event) || !document.getElementById("keys")) return false;
  const { target, key } = event;
  if (key === "Enter" && (event.ctrlKey || event.metaKey) && !event.altKey) return isTyping(target) && send(event);
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  if (key === "Escape") return isTyping(target) ? leaveField(event) : clearChosen();
  if (isTyping(target) || sheet?.dataset.letters === "off") return false;
  const popover = target.closest?.("[popover]");
  if (popover && isOpenPopover(popover) && key !== "?") return false;
  return runLetter(event);
}

document.addEventListener("keydown", (event) => {
  if (handle(event)) event.preventDefault();
});

/* Focus after a page has loaded: the field that was refused, else the row that was left for an act, else the open tip's heading. */
function placeFocus() {
  if (location.hash || document.activeElement !== document.body) return;
  const refused = document.querySelector("[aria-invalid=true]");
  const left = takeLeftRow();
  const row = rows().find((each) => each.id === left);
  const heading = document.getElementById("tip-title");
  document.querySelector(".rows2 > [aria-current]")?.scrollIntoView({ block: "nearest" });
  if (refused) refused.focus();
  else if (row && !heading) {
    focusRow(row);
    if (row.querySelector(".pick input")?.checked) chosenFrom = row;
  }
  else heading?.focus({ preventScroll: true });
}

const LEFT_ROW = "desk-row";

function takeLeftRow() {
  try {
    const id = sessionStorage.getItem(LEFT_ROW);
    sessionStorage.removeItem(LEFT_ROW);
    return id;
  } catch {
    return null;
  }
}

/* Without a row of its own the focus is kept by the number of its tip: it is no word of the tip's. */
function rememberRow(row) {
  try {
    if (row) sessionStorage.setItem(LEFT_ROW, row.id);
  } catch { /* storage is turned off */ }
}

const queue = document.querySelector(".queue-form");
queue?.addEventListener("submit", () => rememberRow(focusedRow() ?? chosenFrom));
queue?.addEventListener("click", (event) => {
  if (event.target.closest?.(".queue-foot a")) rememberRow(rows().pop()); // "Show 50 more" goes on below it
});

placeFocus();
