/* Passkeys on the pages of signing in: a button asks the device, the answer goes into a hidden field, and the form is sent.

The button's data: `passkey` is "get" or "create", `options` the address of what the device needs, and sentences for what can fail.
Without script or without passkeys in the browser, the button stays hidden. */

const BINARY_OPTIONS = ["challenge", "id"];

function decode(text) {
  const bytes = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(bytes, (each) => each.charCodeAt(0)).buffer;
}

function encode(buffer) {
  const text = btoa(String.fromCharCode(...new Uint8Array(buffer)));
  return text.replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

/* Returns the options with what the server sent as base64 turned into bytes. */
function decodeOptions(value, name = "") {
  if (typeof value === "string") return BINARY_OPTIONS.includes(name) ? decode(value) : value;
  if (Array.isArray(value)) return value.map((each) => decodeOptions(each));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, each]) => each !== null)
      .map(([key, each]) => [key, key === "rp" ? each : decodeOptions(each, key)]),
  );
}

function encodeCredential(credential) {
  const names = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
  const response = {};
  for (const name of names) if (credential.response[name]) response[name] = encode(credential.response[name]);
  return {
    id: credential.id,
    rawId: encode(credential.rawId),
    type: credential.type,
    response,
    clientExtensionResults: credential.getClientExtensionResults(),
  };
}

async function ask(button, form) {
  const headers = { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value };
  const answer = await fetch(button.dataset.options, { method: "POST", headers });
  if (!answer.ok) throw new Error("options");
  const { publicKey } = await answer.json();
  const options = { publicKey: decodeOptions(publicKey) };
  const container = navigator.credentials;
  return button.dataset.passkey === "create" ? container.create(options) : container.get(options);
}

function prepare(button) {
  const { form } = button;
  const status = form.querySelector("[data-passkey-status]");
  for (const part of form.querySelectorAll("[data-passkey-part]")) part.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    status.textContent = button.dataset.waiting;
    try {
      const credential = await ask(button, form);
      form.querySelector("[data-passkey-answer]").value = JSON.stringify(encodeCredential(credential));
      form.querySelector("[data-passkey-send]").click();
    } catch (error) {
      button.disabled = false;
      const known = { NotAllowedError: button.dataset.cancelled, InvalidStateError: button.dataset.present };
      status.textContent = known[error.name] || button.dataset.failed;
      button.focus();
    }
  });
}

/* Shows the passkey buttons inside `root`: of the page, or of a lock page that a script has put in its place. */
export function showPasskeyButtons(root) {
  if (!window.PublicKeyCredential || !navigator.credentials) return;
  for (const button of root.querySelectorAll("[data-passkey]")) prepare(button);
}

showPasskeyButtons(document);
