// A tip's files in the admin: thumbnails on request, the state of files that are being cleaned, and zoom.

const FIRST_DELAY_MS = 2000;
const MAX_DELAY_MS = 30000;
const MAX_ZOOM = 8;

// The element with the addresses of the panel; the files are in the messages that they came with.
function panel() {
  return document.querySelector("[data-files-panel]");
}

// Thumbnails are loaded when they are asked for, into the page as it is: what was typed stays. Without script the link does it.

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-thumbnails]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const list = link.closest("[data-files]").id;
  replaceFiles(link.dataset.thumbnails)
    .then((isReplaced) => isReplaced ? document.getElementById(list)?.querySelector("[data-thumbnails]")?.focus() : location.assign(link.href))
    .catch(() => location.assign(link.href));
});

// States. They are cheap for the server; the files with their thumbnails are fetched only when one of them has become ready.

const isWaiting = (file) => ["received", "rebuilding"].includes(file.dataset.state);

async function pollStates(delay) {
  const files = [...(panel()?.querySelectorAll("[data-number]") ?? [])].filter(isWaiting);
  if (!files.length) return;
  if (!document.hidden) {
    try {
      const response = await fetch(panel().dataset.states, { redirect: "error" });
      if (!response.ok) return;
      const states = await response.json();
      const settled = files.filter((file) => updateFile(file, states[file.dataset.number]));
      if (settled.length) await showSettled(settled.map((file) => file.querySelector("[data-name]").textContent));
    } catch {
      // The connection may be back at the next poll.
    }
  }
  setTimeout(pollStates, delay, Math.min(delay * 1.2, MAX_DELAY_MS));
}

// Updates a file. Returns true if it no longer waits.
function updateFile(file, current) {
  if (!current) return false;
  if (!["received", "rebuilding"].includes(current.state)) return true;
  file.dataset.state = current.state;
  file.querySelector("progress").value = current.percent;
  file.querySelector("[data-status]").textContent = current.status;
  return false;
}

async function showSettled(names) {
  const focused = panel().contains(document.activeElement) && document.activeElement.closest("[data-number]")?.id;
  if (!(await replaceFiles(panel().dataset.panel))) return;
  if (focused) document.getElementById(focused)?.querySelector("a, button")?.focus();
  document.querySelector("[data-files-said]").textContent = panel().dataset.wordsReady.replace("{names}", names.join(", "));
}

// Returns whether the server sent the files.
async function replaceFiles(address) {
  const response = await fetch(address, { redirect: "error" });
  if (!response.ok) return false;
  const lists = new DOMParser().parseFromString(await response.text(), "text/html").querySelectorAll("[data-files]");
  for (const list of lists) document.getElementById(list.id)?.replaceWith(list);
  return true;
}

// Zoom: the frame scrolls. Above its initial size the photo is loaded in full resolution.

function offerZoom(figure) {
  const [bar, frame, status] = ["[data-zoom-bar]", ".file-frame", "[data-zoom-said]"].map((name) => figure.querySelector(name));
  const image = frame.querySelector("img");
  let size = 1;
  const zoom = (factor) => {
    if (!image.clientWidth) { // it has no size before it has arrived
      const observer = new ResizeObserver(() => {
        if (!image.clientWidth) return;
        observer.disconnect();
        zoom(factor);
      });
      observer.observe(image);
      return;
    }
    const before = [frame.scrollLeft + frame.clientWidth / 2, frame.scrollTop + frame.clientHeight / 2].map((at) => at / size);
    size = factor ? Math.min(Math.max(size * factor, 1), MAX_ZOOM) : 1;
    frame.classList.remove("zoomed");
    image.style.width = "";
    if (size > 1) {
      const fitting = image.clientWidth;
      if (figure.dataset.full && image.getAttribute("src") !== figure.dataset.full) image.src = figure.dataset.full;
      frame.classList.add("zoomed");
      image.style.width = `${fitting * size}px`;
      frame.scrollTo(before[0] * size - frame.clientWidth / 2, before[1] * size - frame.clientHeight / 2);
    }
    status.textContent = `${Math.round(size * 100)} %`;
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

setTimeout(pollStates, FIRST_DELAY_MS, FIRST_DELAY_MS);
document.querySelectorAll("[data-zoom]").forEach(offerZoom);
