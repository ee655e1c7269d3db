// Closes the page with the words that an officer reads out: the computer is shared, and the staff side's lock doesn't cover this page.

const OPEN_MS = 10 * 60_000;
const button = document.querySelector("button[name=page]");
const note = document.querySelector("[data-closes-words]");

note.append(" ", note.dataset.closesWords);
setTimeout(() => location.replace(button.value), OPEN_MS);
