/* The time brush: two handles over the histogram set the two dates, Play moves the chosen days on to the newest ones. The handles are
   two native range inputs, one on top of the other, so that touch, arrow keys and screen readers work as usual. */

import { button, element } from "../dom.js";

const FRAME_MILLISECONDS = 900; // of playing
const STEPS = ["day", "week", "month"];

export class TimeBrush {
  constructor(selection, incidents, { text }) {
    Object.assign(this, { selection, incidents, text, playing: false });
    this.place = document.querySelector("#brush");
    this.name = new Intl.DateTimeFormat(document.documentElement.lang, { year: "numeric", month: "short", day: "numeric", timeZone: "UTC" });
    this.update();
  }

  /* Adds the handles to the histogram that the server drew. */
  update() {
    this.bars = [...this.place.querySelectorAll(".hist [data-first]")].map(({ dataset }) => ({ first: dataset.first, last: dataset.last }));
    this.rects = [...this.place.querySelectorAll(".hist [data-first]")];
    const chart = this.place.querySelector(".bx");
    if (this.bars.length < 2 || chart.querySelector("input")) return;
    const share = this.bars.length / (this.bars.length + Number(this.place.querySelector(".np")?.dataset.bars ?? 0));
    const chosen = this.rects.map((rect, number) => (rect.classList.contains("on") ? number : -1)).filter((number) => number >= 0);
    this.handles = ["firstDay", "lastDay"].map((key, end) => {
      const handle = Object.assign(element("input", end ? "h2" : "h1"), { type: "range", min: 0, max: this.bars.length - 1, step: 1 });
      handle.value = chosen.length ? chosen[end ? chosen.length - 1 : 0] : this.bars.length - 1;
      handle.setAttribute("aria-label", this.text(key));
      handle.style.setProperty("--share", share);
      handle.addEventListener("input", () => this.keepInOrder(handle));
      handle.addEventListener("change", () => this.submit());
      return handle;
    });
    chart.append(...this.handles);
    this.nameHandles(this.days());
    this.addPlay();
  }

  addPlay() {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const play = button(this.text("play"), "btn btn-s playb");
    const step = element("select", "form-select step");
    step.setAttribute("aria-label", this.text("step"));
    for (const name of STEPS) step.append(Object.assign(element("option", "", this.text(`step${name[0].toUpperCase()}${name.slice(1)}`)), { value: name }));
    step.value = this.step ?? "day";
    step.addEventListener("change", () => (this.step = step.value));
    play.addEventListener("click", () => (this.playing ? (this.playing = false) : this.play(play, step)));
    this.place.querySelector(".bh").prepend(play, step);
  }

  keepInOrder(handle) {
    const [first, last] = this.handles;
    if (Number(first.value) > Number(last.value)) handle.value = handle === first ? last.value : first.value;
    this.showDays();
  }

  days() {
    const [first, last] = this.handles.map((handle) => this.bars[Number(handle.value)]);
    return [first.first, last.last];
  }

  nameHandles(days) {
    const names = days.map((day) => this.name.format(new Date(`${day}T00:00Z`)));
    this.handles.forEach((handle, end) => handle.setAttribute("aria-valuetext", names[end]));
    return names;
  }

  showDays([since, until] = this.days()) {
    const [first, last] = this.nameHandles([since, until]);
    this.bars.forEach((bar, number) => this.rects[number].setAttribute("class", bar.first <= until && bar.last >= since ? "on" : "off"));
    this.place.querySelector("#brush-title b").textContent = this.text("days", { first, last });
    this.place.querySelector("#brush-title span").textContent = "";
  }

  submit([since, until] = this.days()) {
    const { from, to } = this.selection.form.elements;
    [from.value, to.value] = [since, until];
    this.selection.useDates();
    this.selection.submit();
  }

  /* Moves the chosen days on, step by step, until they end with the newest; from the earliest bar if they do already. */
  async play(playButton, step) {
    this.playing = true;
    playButton.textContent = this.text("stop");
    const [earliest, newest] = [this.bars[0].first, this.bars[this.bars.length - 1].last];
    let [since, until] = this.days();
    const length = daysBetween(since, until);
    if (until >= newest) [since, until] = [earliest, addDays(earliest, length)];
    while (this.playing && until <= newest && playButton.isConnected) {
      this.showDays([since, until]);
      const query = new URLSearchParams(this.selection.query);
      query.delete("days");
      query.set("from", since);
      query.set("to", until);
      await Promise.all([this.incidents.refresh(query.toString()), new Promise((resolve) => setTimeout(resolve, FRAME_MILLISECONDS))]);
      const next = addStep(since, step.value);
      if (addDays(next, length) > newest && until < newest) [since, until] = [addDays(newest, -length), newest];
      else if (until >= newest) break;
      else [since, until] = [next, addDays(next, length)];
    }
    this.playing = false;
    if (playButton.isConnected) playButton.textContent = this.text("play");
    this.submit([since, until]);
  }
}

function addDays(day, count) {
  const moved = new Date(`${day}T00:00Z`);
  moved.setUTCDate(moved.getUTCDate() + count);
  return moved.toISOString().slice(0, 10);
}

function addStep(day, step) {
  if (step !== "month") return addDays(day, step === "week" ? 7 : 1);
  const moved = new Date(`${day}T00:00Z`);
  moved.setUTCMonth(moved.getUTCMonth() + 1);
  return moved.toISOString().slice(0, 10);
}

function daysBetween(first, last) {
  return Math.round((new Date(`${last}T00:00Z`) - new Date(`${first}T00:00Z`)) / 86_400_000);
}
