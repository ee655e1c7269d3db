/* A short sound at new tips, off until an officer turns it on in this browser. It is made here: no file is loaded. */

const KEY = "desk-sound";
let context = null;

export function isOn() {
  try {
    return localStorage.getItem(KEY) === "on";
  } catch {
    return false;
  }
}

/* Browsers play sounds only on pages where a person has done something; before that, this does nothing. */
export function play() {
  if (!isOn()) return;
  const Context = window.AudioContext ?? window.webkitAudioContext;
  if (!Context) return;
  context = context ?? new Context();
  context.resume();
  const volume = context.createGain();
  volume.connect(context.destination);
  const start = context.currentTime;
  volume.gain.setValueAtTime(0.0001, start);
  volume.gain.exponentialRampToValueAtTime(0.2, start + 0.02);
  volume.gain.exponentialRampToValueAtTime(0.0001, start + 0.6);
  for (const [pitch, delay] of [[660, 0], [880, 0.15]]) {
    const tone = context.createOscillator();
    tone.frequency.value = pitch;
    tone.connect(volume);
    tone.start(start + delay);
    tone.stop(start + 0.6);
  }
}

function set(isWanted) {
  try {
    if (isWanted) localStorage.setItem(KEY, "on");
    else localStorage.removeItem(KEY);
  } catch { /* a browser that keeps nothing stays silent */ }
}

for (const toggle of document.querySelectorAll("[data-sound]")) {
  const show = () => {
    toggle.textContent = isOn() ? toggle.dataset.textOn : toggle.dataset.textOff;
    toggle.setAttribute("aria-pressed", String(isOn()));
  };
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    set(!isOn());
    show();
    play();
  });
  show();
}
