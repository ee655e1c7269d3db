/* A slider with two thumbs over the published months: another way to set the two dates. The thumbs are two native range inputs,
   one on top of the other, so that touch, arrow keys and screen readers work as usual. */

import { element } from "../dom.js";

export function addMonthSlider(selection, { text }) {
  const name = new Intl.DateTimeFormat(document.documentElement.lang, { year: "numeric", month: "long", timeZone: "UTC" });
  const monthName = (month) => name.format(new Date(Date.UTC(Math.floor(month / 12), month % 12, 1)));

  let moveThumbs = () => {}; // to a preset or to changed dates

  function enhance() {
    const { from, to } = selection.form.elements;
    const [low, high] = [monthOf(from.min), monthOf(to.max)];
    if (!(high > low)) return;
    const track = element("div", "months");
    const output = element("output", "months-said small");
    const thumbs = ["first", "last"].map((which) => {
      const thumb = Object.assign(element("input"), { type: "range", min: low, max: high, step: 1 });
      thumb.setAttribute("aria-label", text(which === "first" ? "firstMonth" : "lastMonth"));
      thumb.addEventListener("input", () => keepInOrder(thumb));
      thumb.addEventListener("change", (event) => {
        event.stopPropagation();
        submitDates();
      });
      return thumb;
    });
    const [first, last] = thumbs;
    track.append(element("span", "months-between"), ...thumbs);
    from.closest(".dates").before(track, output);

    function keepInOrder(thumb) {
      if (Number(first.value) > Number(last.value)) thumb.value = thumb === first ? last.value : first.value;
      showMonths();
    }

    function showMonths() {
      const [firstName, lastName] = thumbs.map((thumb) => monthName(Number(thumb.value)));
      first.setAttribute("aria-valuetext", firstName);
      last.setAttribute("aria-valuetext", lastName);
      output.textContent = firstName === lastName ? firstName : text("months", { first: firstName, last: lastName });
      track.style.setProperty("--from", (first.value - low) / (high - low));
      track.style.setProperty("--to", (last.value - low) / (high - low));
    }

    function submitDates() {
      from.value = laterDay(`${isoMonth(Number(first.value))}-01`, from.min);
      to.value = earlierDay(lastDayOf(Number(last.value)), to.max);
      selection.useDates();
      selection.submit();
    }

    moveThumbs = () => {
      const [begin, end] = selection.period();
      [first.value, last.value] = [monthOf(begin), monthOf(end)];
      showMonths();
    };
    moveThumbs();
  }

  selection.form.addEventListener("refilled", enhance);
  selection.form.addEventListener("updated", () => moveThumbs());
  enhance();
}

function monthOf(day) {
  const [year, month] = day.split("-").map(Number);
  return year * 12 + month - 1;
}

function isoMonth(month) {
  return `${String(Math.floor(month / 12)).padStart(4, "0")}-${String((month % 12) + 1).padStart(2, "0")}`;
}

function lastDayOf(month) {
  return new Date(Date.UTC(Math.floor(month / 12), (month % 12) + 1, 0)).toISOString().slice(0, 10);
}

function laterDay(first, second) {
  return first > second ? first : second;
}

function earlierDay(first, second) {
  return first < second ? first : second;
}
