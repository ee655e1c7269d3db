// A tip's files in the admin: thumbnails shown when asked for, the state of files that are being cleaned, and zoom.

const FIRST = 2000;
const LONGEST = 30000;
const LARGEST = 8;

function panel() {
  return document.getElementById("files");
}

// Thumbnails

function offerThumbnails(clear) {
  const button = panel()?.querySelector("[data-clear]");
  if (!button) return;
  button.hidden = false;
  show(button, clear);
}

function show(button, clear) {
  button.setAttribute("aria-pressed", String(clear));
  panel().classList.toggle("files-clear", clear);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-clear]");
  if (button) show(button, button.getAttribute("aria-pressed") !== "true");
});

// States. They cost the server little; only when a file has become ready the panel is asked for, with its thumbnails.

const waits = (card) => ["received", "rebuilding"].includes(card.dataset.state);

async function look(delay) {
  const cards = [...(panel()?.querySelectorAll(".file-card") ?? [])].filter(waits);
  if (!cards.length) return;
  if (!document.hidden) {
    try {
      const answer = await fetch(panel().dataset.states, { redirect: "error" });
      if (!answer.ok) return;
      const states = await answer.json();
      const settled = cards.filter((card) => draw(card, states[card.dataset.number]));
      if (settled.length) await renew(settled.map((card) => card.querySelector(".file-name").textContent));
    } catch {
      // The next look may find the line mended.
    }
  }
  setTimeout(look, delay, Math.min(delay * 1.2, LONGEST));
}

// Whether the file no longer waits.
function draw(card, now) {
  if (!now) return false;
  if (!["received", "rebuilding"].includes(now.state)) return true;
  card.dataset.state = now.state;
  card.querySelector("progress").value = now.percent;
  card.querySelector("[data-status]").textContent = now.status;
  return false;
}

async function renew(names) {
  const old = panel();
  const answer = await fetch(old.dataset.panel, { redirect: "error" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("files");
  const focused = old.contains(document.activeElement) && document.activeElement.closest("[id]").id;
  const clear = old.classList.contains("files-clear");
  old.replaceWith(fresh);
  offerThumbnails(clear);
  if (focused) document.getElementById(focused)?.querySelector("a, button")?.focus();
  document.querySelector("[data-files-said]").textContent = fresh.dataset.wordsReady.replace("{names}", names.join(", "));
}

// Zoom: the frame scrolls; from its own size on a photo is shown in full.

function offerZoom(figure) {
  const [bar, frame, said] = ["[data-zoom-bar]", ".file-frame", "[data-zoom-said]"].map((name) => figure.querySelector(name));
  const image = frame.querySelector("img");
  let size = 1;
  const zoom = (by) => {
    const before = [frame.scrollLeft + frame.clientWidth / 2, frame.scrollTop + frame.clientHeight / 2].map((at) => at / size);
    size = by ? Math.min(Math.max(size * by, 1), LARGEST) : 1;
    frame.classList.remove("zoomed");
    image.style.width = "";
    if (size > 1) {
      const fitting = image.clientWidth;
      if (figure.dataset.full && image.getAttribute("src") !== figure.dataset.full) image.src = figure.dataset.full;
      frame.classList.add("zoomed");
      image.style.width = `${fitting * size}px`;
      frame.scrollTo(before[0] * size - frame.clientWidth / 2, before[1] * size - frame.clientHeight / 2);
    }
    said.textContent = `${Math.round(size * 100)} %`;
  };
  bar.hidden = false;
  bar.addEventListener("click", (event) => {
    const by = event.target.closest("[data-zoom-by]")?.dataset.zoomBy;
    if (by) zoom(Number(by));
  });
  frame.addEventListener("keydown", (event) => {
    const by = { "+": 1.5, "=": 1.5, "-": 1 / 1.5, 0: 0 }[event.key];
    if (by === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    zoom(by);
  });
  image.addEventListener("dblclick", () => zoom(size > 1 ? 0 : 2.25));
}

offerThumbnails(false);
setTimeout(look, FIRST, FIRST);
document.querySelectorAll("[data-zoom]").forEach(offerZoom);
