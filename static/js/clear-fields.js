// Removes typed text from a page, also where the browser would restore it.
//
// Browsers save the fields of a page with its history entry and restore them on Back. An earlier entry (a step of the form)
// still has the text typed by then (observed in Chromium 156). So each visit of a page has a random name in history.state, and
// the names of cleared visits are in sessionStorage: going back to one of them clears it again. Neither ever contains text.

const KEY = "cleared";

function clearedVisits() {
  try { return JSON.parse(sessionStorage.getItem(KEY)) || []; } catch { return []; }
}

export function wasCleared() {
  return clearedVisits().includes(history.state?.visit);
}

// Returns the name of this visit: a new one if the last was cleared, so that newly typed text stays.
export function visitName() {
  return (!wasCleared() && history.state?.visit) || Array.from(crypto.getRandomValues(new Uint8Array(6))).join("-");
}

export function emptyFields() {
  for (const field of document.querySelectorAll("textarea, input:not([type=hidden]), input[name=latitude], input[name=longitude]")) {
    if (field.type === "radio" || field.type === "checkbox") field.checked = field.defaultChecked = false;
    else field.value = field.defaultValue = "";
  }
  for (const copy of document.querySelectorAll("[data-review]")) copy.textContent = "";
}

// Empties the fields now and at each return to this visit.
export function clear() {
  emptyFields();
  const visit = history.state?.visit;
  try { if (visit) sessionStorage.setItem(KEY, JSON.stringify([...clearedVisits().slice(-20), visit])); } catch { /* storage is turned off */ }
}
