// Taking typed text out of a page, and out of what the browser would put back.
//
// Browsers remember the fields of a page for its history entry and fill them in again on Back. An entry that was left
// behind earlier (a step of the form) still holds what was typed then (seen in Chromium 156), so each visit of a page has a random name in
// history.state, and names of visits that were cleared are kept in sessionStorage: coming back to one clears it again.
// No text is ever in either.

const KEY = "cleared";

function names() {
  try { return JSON.parse(sessionStorage.getItem(KEY)) || []; } catch { return []; }
}

export function wasCleared() {
  return names().includes(history.state?.visit);
}

// The name of this visit: a new one if the last was cleared, so that what is typed now stays.
export function nameOfVisit() {
  return (!wasCleared() && history.state?.visit) || Array.from(crypto.getRandomValues(new Uint8Array(6))).join("-");
}

export function emptyFields() {
  for (const field of document.querySelectorAll("textarea, input:not([type=hidden]), input[name=latitude], input[name=longitude]")) {
    if (field.type === "radio" || field.type === "checkbox") field.checked = field.defaultChecked = false;
    else field.value = field.defaultValue = "";
  }
  for (const copy of document.querySelectorAll("[data-review]")) copy.replaceChildren();
}

// For good: also for every way back to this visit.
export function clear() {
  emptyFields();
  const visit = history.state?.visit;
  try { if (visit) sessionStorage.setItem(KEY, JSON.stringify([...names().slice(-20), visit])); } catch { /* storage is off: then there is nothing more to do */ }
}
