/* The editor of stories and guides: a preview as one writes, pasted pages as Markdown, a word before unsaved text is left.
   The page works without it: there is a button for the preview, and text is pasted as text. */

const WAIT = 400; // milliseconds without a key before the server is asked

function enhance(form) {
  const text = form.querySelector("[data-markdown]");
  const shown = form.querySelector("[data-preview]");
  if (!text) return;

  const post = (address, fields) => {
    const body = new URLSearchParams({ ...fields, csrfmiddlewaretoken: form.csrfmiddlewaretoken.value });
    return fetch(address, { method: "POST", body, redirect: "error" });
  };

  // Preview

  let timer = 0;
  let asked = 0;
  async function preview() {
    const number = ++asked;
    try {
      const answer = await post(form.dataset.previewUrl, { body: text.value });
      const html = answer.ok ? await answer.text() : null;
      // Made and cleaned by outreach/content/markdown.py.
      if (html !== null && number === asked) shown.innerHTML = html;
    } catch {
      /* The next key asks again. */
    }
  }
  if (shown) {
    text.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(preview, WAIT);
    });
    form.querySelector("[data-preview-button]").hidden = true;
    if (shown.querySelector("[data-preview-hint]")) preview();
  }

  // Paste: what a word processor brings becomes Markdown; where that fails, plain text.

  function insert(words) {
    text.focus();
    // Keeps the browser's own undo.
    if (!document.execCommand("insertText", false, words)) {
      text.setRangeText(words, text.selectionStart, text.selectionEnd, "end");
      text.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }
  text.addEventListener("paste", async (event) => {
    const html = event.clipboardData.getData("text/html");
    const plain = event.clipboardData.getData("text/plain");
    if (!html) return;
    event.preventDefault();
    let words = plain;
    try {
      const answer = await post(form.dataset.pasteUrl, { html });
      if (answer.ok) words = (await answer.json()).markdown || plain;
    } catch {
      /* Plain text, then. */
    }
    insert(words);
  });

  // A picture is set where one writes.

  const caret = form.elements.caret;
  if (caret) {
    form.addEventListener("submit", () => {
      // Lines end with two characters when they are sent; the server counts one.
      caret.value = text.selectionStart;
    });
  }

  // Unsaved text is not left without a word.

  let unsaved = form.dataset.unsaved === "1";
  form.addEventListener("input", () => (unsaved = true));
  form.addEventListener("submit", () => (unsaved = false));
  window.addEventListener("beforeunload", (event) => {
    if (unsaved) event.preventDefault();
  });
}

document.querySelectorAll("[data-story-form]").forEach(enhance);
