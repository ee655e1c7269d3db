// Posts a form as a preview shortly after each change of it, and hands over the page that answers. A newer change ends an older post.
// The form's button shows the same without script.

/** `show` gets the answer's page; `statuses` are those of answers that are shown. Returns what is to be called after a change. */
export function postPreviews(form, delay, statuses, show) {
  let timer = 0;
  let running = null;

  async function refresh() {
    running?.abort();
    running = new AbortController();
    const body = new FormData(form);
    body.set("preview", "1");
    try {
      const response = await fetch(location.href, { method: "POST", body, signal: running.signal, redirect: "error" });
      if (statuses.includes(response.status)) show(new DOMParser().parseFromString(await response.text(), "text/html"));
    } catch {
      // A newer change is on its way, or the connection is away: the button still works.
    }
  }

  return () => {
    clearTimeout(timer);
    timer = setTimeout(refresh, delay);
  };
}
