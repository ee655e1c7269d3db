/* Keeps a page of the desk live: asks every three seconds what has changed, and says when it can't.

   The request says where this tab is and whether there is unsent text, so that colleagues see it. Nothing of what was typed is sent.
   While the screen is locked the page's content is out of the document (screen-lock.js), and nothing is touched. */

import { button, element, refill, texts } from "../dom.js";
import { receive, showLatest } from "./rows.js";
import * as sound from "./sound.js";

const LOST_MS = 20000;
const IDLE_MS = 10 * 60000;
const ANSWER_MS = 8000;
const BRIEF_MS = 10000;

const place = document.getElementById("live");
const line = document.getElementById("live-line");
const data = place?.dataset ?? {};
const text = texts({ dataset: data });
const title = document.title;
const known = { rows: data.rows ?? "", people: "" };
const tab = [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

let answeredAt = Date.now();
let touchedAt = Date.now();
let isAsking = false;
let told = ""; // what was last said that the person here does
let isLost = false;
let isEnded = false; // the session, until someone signs in again
let waiting = []; // rows that are not shown yet
let here = {}; // who is at which tip, by the tip's id

function isCovered() {
  return !document.body.contains(place);
}

function describeDoing() {
  if (Date.now() - touchedAt >= IDLE_MS) return "idle";
  const isWriting = [...document.querySelectorAll(".tip textarea")].some((field) => field.value.trim());
  return isWriting ? "writing" : "reading";
}

function buildAddress(doing) {
  const query = new URLSearchParams({ ...known, tab, doing, query: data.query, ticket: data.ticket });
  return `${data.address}?${query}`;
}

async function ask() {
  if (isAsking) return;
  isAsking = true;
  const breakOff = new AbortController();
  const timer = setTimeout(() => breakOff.abort(), ANSWER_MS);
  try {
    const headers = { Accept: "application/json" };
    const options = { headers, cache: "no-store", redirect: "error", signal: breakOff.signal };
    told = describeDoing();
    const response = await fetch(buildAddress(told), options);
    if (response.status === 200) hear(await response.json());
    else if (response.status === 204) hear({});
    else if (response.status === 401) hearEnd(await response.json());
    else lose();
  } catch {
    lose();
  } finally {
    clearTimeout(timer);
    isAsking = false;
  }
}

/* A locked session asks again once it is open. One that is over is said at once: the page can't be live any more. */
function hearEnd({ state }) {
  if (isCovered() || state !== "ended" || isEnded) return;
  isEnded = true;
  isLost = true;
  showState();
  showHere();
  const signIn = Object.assign(element("a", "ctl push", text("signIn")), { href: location.pathname + location.search });
  say("line line-red", "i-off", text("ended"), text("endedMore"), signIn);
}

function hear(answer) {
  answeredAt = Date.now();
  if (isCovered()) return;
  const wasLost = isLost;
  if (wasLost) {
    isLost = false;
    isEnded = false;
    known.people = "";
    showState();
  }
  if (answer.rows) {
    known.rows = answer.rows;
    hearRows(answer);
  }
  if (answer.people) {
    known.people = answer.people;
    here = answer.here;
    showPeople(answer.people_html);
  }
  showHere();
  if (wasLost) sayLiveAgain();
  showTitle();
}

function parse(html) {
  return new DOMParser().parseFromString(html, "text/html");
}

function hearRows(answer) {
  updateViews(parse(answer.views_html));
  if (data.ticket) hearTip(answer.stamp);
  if (!document.querySelector("[data-live-rows]")) return; // the rows of a search stay as they were found
  const earlier = new Set(waiting.map((row) => row.id));
  waiting = receive(parse(answer.queue_html));
  if (waiting.some((row) => !earlier.has(row.id))) sound.play();
  showFresh();
}

function updateViews(next) {
  const old = document.querySelectorAll(".views a, .views summary");
  const fresh = next.querySelectorAll(".views a, .views summary");
  if (old.length !== fresh.length) return;
  old.forEach((node, index) => {
    if (node.innerHTML !== fresh[index].innerHTML) node.innerHTML = fresh[index].innerHTML;
  });
}

/* The open tip has changed, or may not be seen any longer. What is typed stays where it is. */
function hearTip(stamp) {
  const isGone = !stamp;
  if (!isGone && (!data.stamp || stamp === data.stamp)) return;
  if (isGone) {
    say("line line-red", "i-alert", "", text("tipGone"));
    return;
  }
  const again = Object.assign(element("a", "ctl push", text("tipShow")), { href: location.pathname + location.search });
  say("line", "i-alert", text("tipChanged"), "", again);
}

function countWords(kind, count) {
  const words = JSON.parse(data[kind]);
  return words[Math.min(count, words.length) - 1];
}

function urgentWords() {
  const count = waiting.filter((row) => row.querySelector(".word-red")).length;
  return count ? text("urgent", { count }) : "";
}

function showFresh() {
  const old = document.querySelector(".fresh");
  if (!waiting.length) {
    old?.remove();
    return;
  }
  const bar = old ?? button("", "fresh");
  const urgent = urgentWords();
  const parts = [countWords("newWords", waiting.length)];
  if (urgent) parts.push(element("span", "word word-red", urgent));
  const key = element("kbd", "", ".");
  key.setAttribute("aria-hidden", "true");
  refill(bar, ...parts.flatMap((part) => [part, " "]), text("show"), " ", key);
  if (old) return;
  bar.addEventListener("click", showNew);
  document.querySelector(".queue-head").after(bar);
}

function showNew() {
  const first = showLatest();
  waiting = [];
  showFresh();
  showHere();
  showTitle();
  refill(line);
  const link = first?.querySelector("a");
  link?.scrollIntoView({ block: "nearest" });
  (link ?? document.getElementById("queue-title"))?.focus({ preventScroll: true });
}

function showTitle() {
  document.title = waiting.length ? `(${waiting.length}) ${title}` : title;
}

function showPeople(html) {
  const list = document.querySelector("[data-people]");
  if (list && html !== undefined) refill(list, ...parse(html).body.childNodes);
}

function drawing(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", "i");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#${name}`);
  svg.append(use);
  return svg;
}

/* Says in each row who is at its tip, in place of who has it, and above the open tip in whole sentences. */
function showHere() {
  for (const cell of document.querySelectorAll("[data-here]")) {
    const officers = isLost ? null : here[cell.dataset.here];
    if (cell.closest(".tip-head")) showAtTip(cell, officers);
    else showInRow(cell, officers);
  }
}

function showAtTip(cell, officers) {
  const sentences = officers ? officers.sentences.join(". ") : "";
  if (cell.textContent === sentences) return;
  cell.hidden = !sentences;
  refill(cell, ...(officers ? [drawing(officers.is_writing ? "i-pen" : "i-eye")] : []), sentences);
}

function showInRow(cell, officers) {
  if (cell.dataset.holder === undefined) cell.dataset.holder = cell.textContent;
  cell.classList.toggle("here", Boolean(officers));
  if (officers) refill(cell, drawing(officers.is_writing ? "i-pen" : "i-eye"), officers.words);
  else refill(cell, cell.dataset.holder);
}

function lose() {
  if (isLost || isCovered() || Date.now() - answeredAt < LOST_MS) return;
  isLost = true;
  showState();
  refill(document.querySelector("[data-people]") ?? element("div"));
  showHere();
  const again = button(text("tryNow"), "ctl push");
  again.addEventListener("click", ask);
  say("line line-red", "i-off", text("lost", { time: describeTime(answeredAt) }), text("lostMore"), again);
}

function sayLiveAgain() {
  const urgent = urgentWords();
  if (!waiting.length) {
    say("line", "i-check", text("again"), text("nothingCame"));
    setTimeout(() => { if (!isLost && !waiting.length) refill(line); }, BRIEF_MS);
    return;
  }
  const show = button(text("show"), "ctl push");
  show.addEventListener("click", showNew);
  const came = countWords("cameWords", waiting.length);
  say("line", "i-check", text("again"), urgent ? `${came}, ${urgent}.` : `${came}.`, show);
}

function say(className, icon, strong, words, ...acts) {
  const sentence = element("span");
  if (strong) sentence.append(element("b", "", strong), " ");
  sentence.append(words);
  const box = element("p", className);
  box.append(drawing(icon), sentence, ...acts);
  refill(line, box);
}

function describeTime(milliseconds) {
  const time = new Date(milliseconds).toLocaleTimeString(document.documentElement.lang, { hour: "numeric", minute: "2-digit" });
  return time.replace("AM", "am").replace("PM", "pm");
}

function showState() {
  place.hidden = false;
  place.classList.toggle("live-off", isLost);
  place.querySelector("[data-live-word]").textContent = isLost ? text("off") : text("on");
}

function startTicking() {
  try {
    const ticker = new Worker(data.ticker);
    ticker.addEventListener("message", ask);
    ticker.addEventListener("error", () => setInterval(ask, 3000), { once: true });
  } catch {
    setInterval(ask, 3000);
  }
}

if (place) {
  for (const kind of ["keydown", "pointerdown", "pointermove", "input", "wheel", "touchstart"]) {
    window.addEventListener(kind, () => {
      touchedAt = Date.now();
      if (told === "idle") ask();
    }, { capture: true, passive: true });
  }
  // Colleagues are to see at once that someone begins to write, not at the next poll.
  document.addEventListener("input", () => { if (describeDoing() !== told) ask(); });
  window.addEventListener("pagehide", () => {
    fetch(buildAddress("gone"), { headers: { Accept: "application/json" }, keepalive: true }).catch(() => {});
  });
  window.addEventListener("online", ask);
  showState();
  startTicking();
  ask();
}
