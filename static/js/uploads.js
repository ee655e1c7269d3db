// Uploads files as they are chosen; the server seals them under the page's ticket until Send (tips/views/tus.py).
//
// One file after the other, in pieces: the first bytes, by which the server judges the file, then 8 MiB each. After a lost or
// silent connection an upload resumes at the server's offset. Previews are drawn in the page. A file's name is shown here but
// never sent. If this module does not load or breaks, the form sends its files itself.

const MAX_PIECE_BYTES = 8 * 1024 * 1024;
const MAX_TRIES = 9; // over a minute and a half: by then the server has given up a silent connection
const MAX_PAUSE_MS = 20_000;
const MAX_SILENCE_MS = 30_000; // without progress a line is taken for dead
const FIRST_BYTES = 64 * 1024; // enough for the server to judge a file, before the rest is on its way
const MIN_PIECE_BYTES = 256 * 1024;
const PREVIEW_PIXELS = 64;

const cards = [];
let part; // texts, list and template, fetched with the first file
let words;
let isRunning = false;
let pieceBytes = MAX_PIECE_BYTES; // smaller after a silence, so that a slow line is not taken for a dead one
let token; // newer than the page's, used only for files
let redraw = () => {};

const box = () => document.querySelector("[data-files]");
const field = (name) => box().querySelector(`[name=${name}]`);
const form = () => box().closest("form");
const unsettled = () => cards.filter((card) => card.state !== "there");
const percent = (card) => (card.file.size ? Math.floor((100 * card.sent) / card.file.size) : 0);
const phrase = (key, card) => words[`words${key}`].replace("{percent}", card ? percent(card) : 0);

// Choosing files

// `focused`: the element that had the focus when the files were chosen; if it still has, the first new row gets it.
export async function take(input, focused) {
  if (!part) await loadPart();
  const before = cards.length;
  try {
    [...input.files].forEach(add);
  } catch (error) { // then the form sends them itself
    cards.splice(before).forEach((card) => card.item.remove());
    throw error;
  }
  const added = cards.slice(before);
  input.value = "";
  if (document.activeElement === focused) added[0]?.item.focus();
  run();
}

async function loadPart() {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), MAX_SILENCE_MS);
  const response = await fetch(box().dataset.address, { signal: controller.signal });
  if (!response.ok) throw new Error(response.status);
  part = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("[data-words-there]");
  clearTimeout(timer);
  words = part.dataset;
  document.adoptNode(part);
  box().querySelector("[type=file]").before(part);
  part.addEventListener("click", handleClick);
}

function add(file) {
  const item = part.querySelector("template").content.firstElementChild.cloneNode(true);
  const card = { file, item, state: "waiting", sent: 0, id: null, sentence: "" };
  const [mostFiles, mostBytes] = box().dataset.most.split(" ").map(Number);
  const others = cards.filter((other) => other.state !== "refused");
  const earlierUploads = field("uploads").value.split(" ").filter((id) => id && !cards.some((other) => other.id === id));
  item.querySelector("[data-name]").textContent = file.name;
  item.querySelector("progress").setAttribute("aria-label", file.name);
  cards.push(card);
  part.querySelector(".cards").append(item);
  draw(card);
  if (others.length + earlierUploads.length >= mostFiles) refuse(card, words.wordsMany);
  else if (others.reduce((sum, other) => sum + other.file.size, file.size) > mostBytes) refuse(card, words.wordsLarge);
  else preview(card);
}

async function preview(card) {
  if (!card.file.type.startsWith("image/")) return;
  try {
    const picture = await createImageBitmap(card.file, { resizeWidth: 2 * PREVIEW_PIXELS, resizeQuality: "low" });
    const canvas = card.item.querySelector("canvas");
    const scale = Math.max(PREVIEW_PIXELS / picture.width, PREVIEW_PIXELS / picture.height);
    const [width, height] = [picture.width * scale, picture.height * scale];
    canvas.getContext("2d").drawImage(picture, (PREVIEW_PIXELS - width) / 2, (PREVIEW_PIXELS - height) / 2, width, height);
    canvas.hidden = false;
    picture.close();
  } catch { /* this browser cannot draw the picture */ }
}

function handleClick(event) {
  const card = cards.find((one) => one.item.contains(event.target));
  if (event.target.closest("[data-drop]")) removeCard(card);
  if (event.target.closest("[data-retry]")) retry(card);
}

function removeCard(card) {
  const next = card.item.nextElementSibling ?? card.item.previousElementSibling;
  card.state = "dropped";
  card.request?.abort();
  card.wake?.();
  if (card.id) deleteUpload(card.id);
  cards.splice(cards.indexOf(card), 1);
  card.item.remove();
  (next?.querySelector("[data-drop]") ?? box().querySelector("[type=file]")).focus();
  publishState();
}

function retry(card) {
  setState(card, "waiting");
  run();
}

// State

function setState(card, state, sentence = "") {
  if (card.state === "dropped") return;
  card.state = state;
  card.sentence = sentence;
  draw(card);
  publishState();
}

function refuse(card, sentence) {
  setState(card, "refused", sentence);
}

function draw(card) {
  const { item, state } = card;
  const bar = item.querySelector("progress");
  bar.hidden = state === "there" || state === "refused";
  bar.value = percent(card);
  item.classList.toggle("wrong", state === "refused" || state === "failed");
  item.querySelector("[data-retry]").hidden = state !== "failed";
  item.querySelector("[data-clip]").hidden = !card.hasClip;
  item.querySelector("[data-state]").textContent = card.sentence || phrase(state[0].toUpperCase() + state.slice(1), card);
}

// Publishes changed states to screen readers, the form, and code that waits for the files.
function publishState() {
  const ours = cards.filter((card) => card.state === "there").map((card) => card.id);
  const others = field("uploads").value.split(" ").filter((id) => id && !startedIds.has(id));
  field("uploads").value = [...others, ...ours].join(" ");
  const sentences = cards.filter((card) => card.state !== "sending").map((card) => `${card.file.name}: ${card.item.querySelector("[data-state]").textContent}`);
  const status = part.querySelector("[role=status]");
  if (status.textContent !== sentences.join(" ")) status.textContent = sentences.join(" ");
  document.dispatchEvent(new Event("files"));
  redraw();
}

// Sending

const startedIds = new Set(); // uploads begun by this page; other ids in the field came with the page

async function run() {
  if (isRunning) return;
  isRunning = true;
  try {
    for (let card; (card = cards.find((one) => one.state === "waiting"));) await upload(card);
  } finally {
    isRunning = false;
  }
}

async function upload(card) {
  setState(card, "sending");
  for (let tries = 0; card.state === "sending";) {
    try {
      const before = card.sent;
      if (await exchange(card)) setState(card, "there");
      if (card.sent > before) tries = 0;
    } catch (error) {
      if (error.sentence) refuse(card, error.sentence);
      else if (error.retryAfter) {
        card.item.querySelector("[data-state]").textContent = phrase("Waiting");
        await pause(card, error.retryAfter * 1000);
      }
      else if (++tries >= MAX_TRIES) setState(card, "failed");
      else {
        if (error.isSilence) pieceBytes = Math.max(pieceBytes / 4, MIN_PIECE_BYTES);
        card.item.querySelector("[data-state]").textContent = phrase("Again", card);
        await pause(card, Math.min(MAX_PAUSE_MS, 500 * 2 ** tries));
        card.knowsOffset = false;
      }
    }
  }
}

// Does one exchange with the server. Returns true once the file is complete.
async function exchange(card) {
  if (!card.id) {
    const response = await sendRequest(card, "POST", box().dataset.address, {
      "Upload-Length": card.file.size,
      "Form-Token": token ?? form().elements.namedItem("token")?.value ?? "",
    });
    card.id = response.getResponseHeader("Location").split("/").slice(-2)[0];
    startedIds.add(card.id);
    [card.sent, card.knowsOffset] = [0, true];
    return false;
  }
  if (!card.knowsOffset) {
    card.sent = Number((await sendRequest(card, "HEAD", address(card.id))).getResponseHeader("Upload-Offset"));
    card.knowsOffset = true;
    return card.sent >= card.file.size;
  }
  const response = await sendRequest(card, "PATCH", address(card.id), {
    "Upload-Offset": card.sent,
    "Content-Type": "application/offset+octet-stream",
  }, card.file.slice(card.sent, card.sent ? card.sent + pieceBytes : FIRST_BYTES));
  card.sent = Number(response.getResponseHeader("Upload-Offset"));
  if (response.getResponseHeader("Upload-Has-Clip")) card.hasClip = true;
  return card.sent >= card.file.size;
}

// Rejects with `sentence` if retrying is useless, with `retryAfter` if the server asks to wait, with `isSilence` after a silence,
// else with a plain error.
function sendRequest(card, method, url, headers = {}, body = null) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const start = card.sent;
    card.request = request;
    request.open(method, url);
    request.setRequestHeader("Tus-Resumable", "1.0.0");
    request.setRequestHeader("Upload-Ticket", field("ticket").value);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    let isSilence = false;
    let timer;
    const expectProgress = () => {
      clearTimeout(timer);
      timer = setTimeout(() => { isSilence = true; request.abort(); }, MAX_SILENCE_MS);
    };
    request.upload.onprogress = (event) => {
      expectProgress();
      if (card.state !== "sending" || !body) return;
      card.item.querySelector("progress").value = (100 * (start + event.loaded)) / card.file.size;
      const shown = { ...card, sent: start + event.loaded };
      card.item.querySelector("[data-state]").textContent = phrase("Sending", shown);
      redraw();
    };
    request.onloadend = () => clearTimeout(timer);
    request.onerror = request.onabort = () => reject(Object.assign(new Error("connection"), { isSilence }));
    request.onload = () => {
      const { status } = request;
      if (status < 300) return resolve(request);
      if (status === 404) card.id = null; // deleted by the server: start again
      if (status === 403 && request.getResponseHeader("Form-Token")) {
        const first = !token;
        token = request.getResponseHeader("Form-Token");
        return reject(Object.assign(new Error("token"), { retryAfter: first ? 0.1 : 0 }));
      }
      const wait = Number(request.getResponseHeader("Retry-After"));
      const final = [413, 415, 507].includes(status) ? request.responseText : "";
      reject(Object.assign(new Error(status), { retryAfter: wait, sentence: final }));
    };
    expectProgress();
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

function deleteUpload(id) {
  const headers = { "Tus-Resumable": "1.0.0", "Upload-Ticket": field("ticket").value };
  fetch(address(id), { method: "DELETE", headers, keepalive: true }).catch(() => {}); // the server deletes it later anyway
}

// Waits until all files are uploaded, and offers to send without those that fail. Resolves to true when the form can be sent.
export function ready(button) {
  if (!unsettled().length) return true;
  return new Promise((resolve) => {
    const question = document.createElement("div");
    question.className = "note stack";
    question.setAttribute("role", "status");
    question.tabIndex = -1;
    const text = document.createElement("p");
    const without = actionButton("btn btn-s", words.wordsWithout, () => unsettled().forEach(removeCard));
    const again = actionButton("btn btn-s btn-line", words.wordsRetry, () => cards.filter((card) => card.state === "failed").forEach(retry));
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
      const sentences = left.map((card) => `${card.file.name}: ${card.item.querySelector("[data-state]").textContent}`);
      text.textContent = [stuck ? words.wordsMissing : words.wordsWait, ...sentences].join(" ");
      again.hidden = !left.some((card) => card.state === "failed");
    };
    redraw();
    question.focus({ preventScroll: true });
    question.scrollIntoView({ block: "nearest" });
  });
}

function actionButton(className, textContent, onclick) {
  const button = Object.assign(document.createElement("button"), { type: "button", className, textContent });
  button.addEventListener("click", onclick);
  return button;
}

// Moves the cards into a form that came back from the server; files that the server no longer has are marked as lost.
export function adopt(newForm) {
  const theirs = newForm.querySelector("[data-files]");
  if (!theirs) return;
  const ours = box();
  const serverIds = theirs.querySelector("[name=uploads]").value.split(" ");
  ours.querySelectorAll(".invalid-feedback, .kept").forEach((node) => node.remove());
  const sentences = theirs.querySelector(".invalid-feedback");
  if (sentences) ours.querySelector(".form-text").after(sentences);
  for (const card of cards) {
    if (card.state !== "there" || serverIds.includes(card.id)) continue;
    Object.assign(card, { id: null, sent: 0, knowsOffset: false });
    setState(card, "failed", words.wordsLost);
  }
  field("uploads").value = serverIds.join(" ");
  theirs.replaceWith(ours);
}

// For the review: the names of the files that go, and a sentence for each that was refused
export const names = () => cards.filter((card) => card.state !== "refused").map((card) => card.file.name);
export const refusals = () => cards.filter((card) => card.state === "refused").map((card) => `${card.file.name}: ${card.sentence}`);

addEventListener("leave", () => {
  for (const card of [...cards]) {
    card.state = "dropped";
    card.request?.abort();
    if (card.id) deleteUpload(card.id);
  }
  cards.length = 0;
});
