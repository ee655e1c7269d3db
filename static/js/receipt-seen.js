// Tells the server that the receipt on this page was seen, so that it is never shown again. Everything else works without script.

function confirmSeen() {
  if (document.visibilityState !== "visible") return;
  document.removeEventListener("visibilitychange", confirmSeen);
  const form = document.getElementById("leave-form");
  const body = new URLSearchParams([...new FormData(form), ["script", "1"]]);
  // If it fails, each button of the page confirms as well.
  fetch(form.dataset.seen, { method: "POST", body, keepalive: true }).catch(() => {});
}

document.addEventListener("visibilitychange", confirmSeen);
confirmSeen();
