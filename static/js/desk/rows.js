/* The rows of the queue while the page stands open. Rows that are there change in place. New ones wait until the officer asks for
   them, so that no row moves under a pointer. A row that has left the view says so in its place. */

import { element, texts } from "../dom.js";

const ROW = ".rows2 > li[id]";
let latest = null; // the queue as the server last sent it
let sent = new Map(); // the HTML of each row on the page as the server sent it, by its id

function body() {
  return document.querySelector(".queue-body");
}

function rowsOf(root) {
  return [...(root?.querySelectorAll(ROW) ?? [])];
}

function remember() {
  sent = new Map(rowsOf(document).map((row) => [row.id, row.outerHTML]));
}

/* Returns which element within `node` has the focus, by its tag, which also finds it in a later version of the row; "" if none. */
function describeFocus(node) {
  const active = document.activeElement;
  return node.contains(active) ? active.tagName.toLowerCase() : "";
}

function replaceRow(row, next) {
  if (sent.get(row.id) === next.outerHTML) return;
  sent.set(row.id, next.outerHTML);
  const focused = describeFocus(row);
  const replacement = document.importNode(next, true);
  const box = row.querySelector(".pick input");
  const nextBox = replacement.querySelector(".pick input");
  if (box && nextBox) nextBox.checked = box.checked;
  row.replaceWith(replacement);
  if (focused) replacement.querySelector(focused)?.focus({ preventScroll: true });
}

function markGone(row) {
  if (row.classList.contains("gone")) return;
  const text = texts(document.getElementById("live"));
  const hadFocus = describeFocus(row);
  const sentence = element("p", "gone-words", text("gone", { number: row.id.replace("tip-", "") }));
  sentence.tabIndex = -1;
  row.textContent = "";
  row.className = "gone";
  row.append(sentence);
  sent.delete(row.id);
  if (hadFocus) sentence.focus({ preventScroll: true });
}

/* Rows at the end may have been pushed beyond the page by new ones; all others that are missing have left their place. */
function listGone(rows, queue) {
  const isThere = rows.map((row) => queue.getElementById(row.id) !== null);
  const isWhole = !queue.querySelector(".queue-foot a");
  const end = isWhole ? rows.length : isThere.lastIndexOf(true);
  return rows.filter((row, index) => index < end && !isThere[index]);
}

function updateWords(queue) {
  for (const selector of ["#queue-title", ".grp"]) {
    const old = [...document.querySelectorAll(selector)];
    const next = [...queue.querySelectorAll(selector)];
    if (old.length === next.length) old.forEach((node, index) => { node.innerHTML = next[index].innerHTML; });
  }
}

/* Takes the queue as the server has it now. Returns the rows that wait to be shown. */
export function receive(queue) {
  latest = queue;
  const rows = rowsOf(document);
  for (const row of listGone(rows, queue)) markGone(row);
  for (const row of rows) {
    const next = queue.getElementById(row.id);
    if (next) replaceRow(row, next);
  }
  updateWords(queue);
  if (!rows.length && rowsOf(queue).length) {
    showLatest();
    return [];
  }
  return listNew();
}

function listNew() {
  return rowsOf(latest).filter((row) => !document.getElementById(row.id));
}

/* Shows the queue as it is now, and returns the first row that was not there before. */
export function showLatest() {
  if (!latest) return null;
  const firstNew = listNew()[0]?.id;
  const chosen = new Set([...document.querySelectorAll(".pick :checked")].map((box) => box.value));
  const place = body();
  const scrolledTo = place.scrollTop;
  place.replaceWith(document.importNode(latest.querySelector(".queue-body"), true));
  remember();
  for (const box of document.querySelectorAll(".pick input")) box.checked = chosen.has(box.value);
  body().scrollTop = scrolledTo;
  document.querySelector(".queue-form").dispatchEvent(new Event("change"));
  return firstNew ? document.getElementById(firstNew) : null;
}

remember();
