/* The editor of stories, guides and events: live preview, pasted HTML as Markdown. The page works
   without script: it has a preview button, and text is pasted as plain text. */

const TYPING_PAUSE_MS = 400; // before a preview is requested

// `{ dataset }`: the form, or an element in it where Django writes the form.
function enhance({ dataset }, form) {
  const text = form.querySelector("[data-markdown]");
  const previewArea = form.querySelector("[data-preview]");
  if (!text) return;

  const post = (address, fields) => {
    const body = new URLSearchParams({ ...fields, csrfmiddlewaretoken: form.csrfmiddlewaretoken.value });
    return fetch(address, { method: "POST", body, redirect: "error" });
  };

  // Preview

  let timer = 0;
  let latestRequest = 0;
  async function preview() {
    const number = ++latestRequest;
    try {
      const response = await post(dataset.previewUrl, { body: text.value });
      const html = response.ok ? await response.text() : null;
      // Rendered and sanitized by outreach/content/markdown.py.
      if (html !== null && number === latestRequest) previewArea.innerHTML = html;
    } catch {
      /* The next key requests it again. */
    }
  }
  if (previewArea) {
    text.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(preview, TYPING_PAUSE_MS);
    });
    form.querySelector("[data-preview-button]").hidden = true;
    if (text.value && previewArea.querySelector("[data-preview-hint]")) preview();
  }

  // Paste: HTML from a word processor becomes Markdown or, if that fails, plain text.

  function insertText(markdown) {
    text.focus();
    // execCommand keeps the browser's undo history.
    if (!document.execCommand("insertText", false, markdown)) {
      text.setRangeText(markdown, text.selectionStart, text.selectionEnd, "end");
      text.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }
  // Says what a paste left out; a live region has to be there before it is filled.
  const notice = document.createElement("p");
  notice.className = "help";
  notice.setAttribute("role", "status");
  text.after(notice);
  text.addEventListener("paste", async (event) => {
    const html = event.clipboardData.getData("text/html");
    const plain = event.clipboardData.getData("text/plain");
    if (!html) return;
    event.preventDefault();
    let markdown = plain;
    let losses = "";
    try {
      const response = await post(dataset.pasteUrl, { html });
      if (response.ok) {
        const pasted = await response.json();
        markdown = pasted.markdown || plain;
        losses = pasted.losses;
      } else {
        losses = dataset.pastedPlain;
      }
    } catch {
      losses = dataset.pastedPlain;
    }
    insertText(markdown);
    notice.textContent = losses;
  });

  // A picture is inserted at the caret.

  const caret = form.elements.caret;
  if (caret) {
    form.addEventListener("submit", () => {
      // Submitted text has two characters for each line break; the server counts one.
      caret.value = text.selectionStart;
    });
  }
}

document.querySelectorAll("[data-story-form]").forEach((element) => enhance(element, element.closest("form")));
