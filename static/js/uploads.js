// Files, sent ahead as they are chosen: sealed on the server under the page's ticket until Send (tips/views/tus.py).
//
// One after the other, in pieces of 8 MiB. A line that breaks is tried again, and the file goes on where the server has it.
// The preview is drawn in the page. The sender's name of a file is shown here and nowhere sent. If this module cannot be had,
// the form carries its files itself.

const PIECE = 8 * 1024 * 1024;
const TRIES = 9; // a minute and a half: by then the server has given up a line that fell silent
const LONGEST_PAUSE = 20_000;
const SMALL = 64;

const cards = [];
let part; // words, list and template, fetched with the first file
let words;
let running = false;
let token; // a fresher one than the page's, for files alone
let redraw = () => {};

const box = () => document.querySelector("[data-files]");
const field = (name) => box().querySelector(`[name=${name}]`);
const form = () => box().closest("form");
const unsettled = () => cards.filter((card) => card.state !== "there");
const percent = (card) => (card.file.size ? Math.floor((100 * card.sent) / card.file.size) : 0);
const phrase = (key, card) => words[`words${key}`].replace("{percent}", card ? percent(card) : 0);

// Choosing

export async function take(input) {
  if (!part) await bringPart();
  const files = [...input.files];
  input.value = "";
  for (const file of files) add(file);
  run();
}

async function bringPart() {
  const answer = await fetch(box().dataset.address);
  if (!answer.ok) throw new Error(answer.status);
  part = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-words-there]");
  words = part.dataset;
  document.adoptNode(part);
  box().querySelector("[type=file]").before(part);
  part.addEventListener("click", pressed);
}

function add(file) {
  const item = part.querySelector("template").content.firstElementChild.cloneNode(true);
  const card = { file, item, state: "waiting", sent: 0, id: null, sentence: "" };
  const [mostFiles, mostBytes] = box().dataset.most.split(" ").map(Number);
  const others = cards.filter((other) => other.state !== "refused");
  const kept = field("uploads").value.split(" ").filter((id) => id && !cards.some((other) => other.id === id));
  item.querySelector("[data-name]").textContent = file.name;
  item.querySelector("progress").setAttribute("aria-label", file.name);
  if (others.length + kept.length >= mostFiles) refuse(card, words.wordsMany);
  else if (others.reduce((sum, other) => sum + other.file.size, file.size) > mostBytes) refuse(card, words.wordsLarge);
  cards.push(card);
  part.querySelector(".cards").append(item);
  draw(card);
  preview(card);
}

async function preview(card) {
  if (!card.file.type.startsWith("image/")) return;
  try {
    const picture = await createImageBitmap(card.file, { resizeWidth: 2 * SMALL, resizeQuality: "low" });
    const canvas = card.item.querySelector("canvas");
    const scale = Math.max(SMALL / picture.width, SMALL / picture.height);
    const [width, height] = [picture.width * scale, picture.height * scale];
    canvas.getContext("2d").drawImage(picture, (SMALL - width) / 2, (SMALL - height) / 2, width, height);
    canvas.hidden = false;
    picture.close();
  } catch { /* a picture that this browser does not draw */ }
}

function pressed(event) {
  const card = cards.find((one) => one.item.contains(event.target));
  if (event.target.closest("[data-drop]")) drop(card);
  if (event.target.closest("[data-retry]")) retry(card);
}

function drop(card) {
  const next = card.item.nextElementSibling ?? card.item.previousElementSibling;
  card.state = "dropped";
  card.request?.abort();
  card.wake?.();
  if (card.id) remove(card.id);
  cards.splice(cards.indexOf(card), 1);
  card.item.remove();
  (next?.querySelector("[data-drop]") ?? box().querySelector("[type=file]")).focus();
  changed();
}

function retry(card) {
  change(card, "waiting");
  run();
}

// What stands on the page

function change(card, state, sentence = "") {
  if (card.state === "dropped") return;
  card.state = state;
  card.sentence = sentence;
  draw(card);
  changed();
}

function refuse(card, sentence) {
  change(card, "refused", sentence);
}

function draw(card) {
  const { item, state } = card;
  const bar = item.querySelector("progress");
  bar.hidden = state === "there" || state === "refused";
  bar.value = percent(card);
  item.classList.toggle("wrong", state === "refused" || state === "failed");
  item.querySelector("[data-retry]").hidden = state !== "failed";
  item.querySelector("[data-state]").textContent = card.sentence || phrase(state[0].toUpperCase() + state.slice(1), card);
}

// A state that changed: told to screen readers, to the form, and to whoever waits for the files.
function changed() {
  const ours = cards.filter((card) => card.state === "there").map((card) => card.id);
  const others = field("uploads").value.split(" ").filter((id) => id && !known.has(id));
  field("uploads").value = [...others, ...ours].join(" ");
  const said = cards.filter((card) => card.state !== "sending").map((card) => `${card.file.name}: ${card.item.querySelector("[data-state]").textContent}`);
  const status = part.querySelector("[role=status]");
  if (status.textContent !== said.join(" ")) status.textContent = said.join(" ");
  document.dispatchEvent(new Event("files"));
  redraw();
}

// Sending

const known = new Set(); // every id that this page began: those the field names beside them came with the page

async function run() {
  if (running) return;
  running = true;
  for (let card; (card = cards.find((one) => one.state === "waiting"));) await bring(card);
  running = false;
}

async function bring(card) {
  change(card, "sending");
  for (let tries = 0; card.state === "sending";) {
    try {
      const before = card.sent;
      if (await step(card)) change(card, "there");
      if (card.sent > before) tries = 0;
    } catch (error) {
      if (error.sentence) refuse(card, error.sentence);
      else if (error.retryAfter) {
        card.item.querySelector("[data-state]").textContent = phrase("Waiting");
        await pause(card, error.retryAfter * 1000);
      }
      else if (++tries >= TRIES) change(card, "failed");
      else {
        card.item.querySelector("[data-state]").textContent = phrase("Again", card);
        await pause(card, Math.min(LONGEST_PAUSE, 500 * 2 ** tries));
        card.asked = false;
      }
    }
  }
}

// One exchange with the server. True once the file is whole.
async function step(card) {
  if (!card.id) {
    const answer = await ask(card, "POST", box().dataset.address, {
      "Upload-Length": card.file.size,
      "Form-Token": token ?? form().elements.namedItem("token")?.value ?? "",
    });
    card.id = answer.getResponseHeader("Location").split("/").at(-2);
    known.add(card.id);
    [card.sent, card.asked] = [0, true];
    return false;
  }
  if (!card.asked) {
    card.sent = Number((await ask(card, "HEAD", address(card.id))).getResponseHeader("Upload-Offset"));
    card.asked = true;
    return card.sent >= card.file.size;
  }
  const answer = await ask(card, "PATCH", address(card.id), {
    "Upload-Offset": card.sent,
    "Content-Type": "application/offset+octet-stream",
  }, card.file.slice(card.sent, card.sent + PIECE));
  card.sent = Number(answer.getResponseHeader("Upload-Offset"));
  return card.sent >= card.file.size;
}

// Rejects with `sentence` for what will not get better, with `retryAfter` where the server asks to wait, else plainly.
function ask(card, method, url, headers = {}, body = null) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const start = card.sent;
    card.request = request;
    request.open(method, url);
    request.setRequestHeader("Tus-Resumable", "1.0.0");
    request.setRequestHeader("Upload-Ticket", field("ticket").value);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => {
      if (card.state !== "sending" || !body) return;
      card.item.querySelector("progress").value = (100 * (start + event.loaded)) / card.file.size;
      const shown = { ...card, sent: start + event.loaded };
      card.item.querySelector("[data-state]").textContent = phrase("Sending", shown);
      redraw();
    };
    request.onerror = request.onabort = () => reject(new Error("line"));
    request.onload = () => {
      const { status } = request;
      if (status < 300) return resolve(request);
      if (status === 404) card.id = null; // swept: from the beginning
      if (status === 403 && request.getResponseHeader("Form-Token")) {
        const first = !token;
        token = request.getResponseHeader("Form-Token");
        return reject(Object.assign(new Error("token"), { retryAfter: first ? 0.1 : 0 }));
      }
      const wait = Number(request.getResponseHeader("Retry-After"));
      const final = [413, 415, 507].includes(status) ? request.responseText : "";
      reject(Object.assign(new Error(status), { retryAfter: wait, sentence: final }));
    };
    request.send(body);
  });
}

const address = (id) => `${box().dataset.address}${id}/`;

function pause(card, milliseconds) {
  return new Promise((resolve) => {
    card.wake = resolve;
    setTimeout(resolve, milliseconds);
    addEventListener("online", resolve, { once: true });
  });
}

function remove(id) {
  const headers = { "Tus-Resumable": "1.0.0", "Upload-Ticket": field("ticket").value };
  fetch(address(id), { method: "DELETE", headers, keepalive: true }).catch(() => {}); // else it is swept
}

// Send waits for what is on its way, and asks what to do without. True: go on.
export function ready(button) {
  if (!unsettled().length) return true;
  return new Promise((resolve) => {
    const question = document.createElement("div");
    question.className = "note stack";
    question.setAttribute("role", "status");
    const text = document.createElement("p");
    const without = act("btn btn-s", words.wordsWithout, () => unsettled().forEach(drop));
    const again = act("btn btn-s btn-line", words.wordsRetry, () => cards.filter((card) => card.state === "failed").forEach(retry));
    const acts = Object.assign(document.createElement("p"), { className: "acts" });
    acts.append(without, again);
    question.append(text, acts);
    button.closest(".acts").before(question);
    redraw = () => {
      const left = unsettled();
      if (!left.length) {
        redraw = () => {};
        question.remove();
        button.focus();
        resolve(true);
        return;
      }
      const stuck = left.every((card) => card.state === "refused" || card.state === "failed");
      const said = left.map((card) => `${card.file.name}: ${card.item.querySelector("[data-state]").textContent}`);
      text.textContent = [stuck ? words.wordsMissing : words.wordsWait, ...said].join(" ");
      again.hidden = !left.some((card) => card.state === "failed");
    };
    redraw();
    question.scrollIntoView({ block: "nearest" });
  });
}

function act(className, textContent, onclick) {
  const button = Object.assign(document.createElement("button"), { type: "button", className, textContent });
  button.addEventListener("click", onclick);
  return button;
}

// The form came back from the server: our cards stay, and those it no longer has are said to be lost.
export function adopt(fresh) {
  const theirs = fresh.querySelector("[data-files]");
  if (!theirs) return;
  const ours = box();
  const kept = theirs.querySelector("[name=uploads]").value.split(" ");
  ours.querySelectorAll(".invalid-feedback, .kept").forEach((node) => node.remove());
  const sentences = theirs.querySelector(".invalid-feedback");
  if (sentences) ours.querySelector(".form-text").after(sentences);
  for (const card of cards) {
    if (card.state !== "there" || kept.includes(card.id)) continue;
    Object.assign(card, { id: null, sent: 0, asked: false });
    change(card, "failed", words.wordsLost);
  }
  field("uploads").value = kept.join(" ");
  theirs.replaceWith(ours);
}

// What the review says of them
export const names = () => cards.filter((card) => card.state !== "refused").map((card) => card.file.name);

addEventListener("leave", () => {
  for (const card of [...cards]) {
    card.state = "dropped";
    card.request?.abort();
    if (card.id) remove(card.id);
  }
  cards.length = 0;
});
