/* Two thumbs over the months that are published: another way to set the two dates. Both are plain sliders of the browser, one
   on the other, so that fingers, arrow keys and screen readers use them as they know them. */

import { element } from "../dom.js";

export function slideMonths(selection, { text }) {
  const name = new Intl.DateTimeFormat(document.documentElement.lang, { year: "numeric", month: "long", timeZone: "UTC" });
  const words = (month) => name.format(new Date(Date.UTC(Math.floor(month / 12), month % 12, 1)));

  let follow = () => {}; // a preset or a date moves the thumbs

  function enhance() {
    const { from, to } = selection.form.elements;
    const [low, high] = [monthOf(from.min), monthOf(to.max)];
    if (!(high > low)) return;
    const track = element("div", "months");
    const said = element("output", "months-said small");
    const thumbs = ["first", "last"].map((which) => {
      const thumb = Object.assign(element("input"), { type: "range", min: low, max: high, step: 1 });
      thumb.setAttribute("aria-label", text(which === "first" ? "firstMonth" : "lastMonth"));
      thumb.addEventListener("input", () => moved(thumb));
      thumb.addEventListener("change", (event) => {
        event.stopPropagation();
        choose();
      });
      return thumb;
    });
    const [first, last] = thumbs;
    track.append(element("span", "months-between"), ...thumbs);
    from.closest(".dates").before(track, said);

    function moved(thumb) {
      if (Number(first.value) > Number(last.value)) thumb.value = thumb === first ? last.value : first.value;
      tell();
    }

    function tell() {
      const [one, other] = thumbs.map((thumb) => words(Number(thumb.value)));
      first.setAttribute("aria-valuetext", one);
      last.setAttribute("aria-valuetext", other);
      said.textContent = one === other ? one : text("months", { first: one, last: other });
      track.style.setProperty("--from", (first.value - low) / (high - low));
      track.style.setProperty("--to", (last.value - low) / (high - low));
    }

    function choose() {
      from.value = later(`${iso(Number(first.value))}-01`, from.min);
      to.value = earlier(lastDay(Number(last.value)), to.max);
      selection.takeDates();
      selection.send();
    }

    follow = () => {
      const [begin, end] = selection.period();
      [first.value, last.value] = [monthOf(begin), monthOf(end)];
      tell();
    };
    follow();
  }

  selection.form.addEventListener("refilled", enhance);
  selection.form.addEventListener("taken", () => follow());
  enhance();
}

function monthOf(day) {
  const [year, month] = day.split("-").map(Number);
  return year * 12 + month - 1;
}

function iso(month) {
  return `${String(Math.floor(month / 12)).padStart(4, "0")}-${String((month % 12) + 1).padStart(2, "0")}`;
}

function lastDay(month) {
  return new Date(Date.UTC(Math.floor(month / 12), (month % 12) + 1, 0)).toISOString().slice(0, 10);
}

function later(one, other) {
  return one > other ? one : other;
}

function earlier(one, other) {
  return one < other ? one : other;
}
