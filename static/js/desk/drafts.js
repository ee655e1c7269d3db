/* Keeps what is typed on a tip's page in this tab, sealed: sessionStorage is written to disk when a browser restores a session.

   The key is the server's (tips/desk/drafts.py), one for each draft, given to the signed-in account alone, and held here as a
   CryptoKey that can't be exported. A draft holds the text of all fields of one tip, with their names, so that no text can come
   back in another field. What the server put into a field is newer than the draft. */

import { texts } from "../dom.js";

const PAD_BYTES = 512;
const NONCE_BYTES = 12;
const LIFETIME_MS = 24 * 3600 * 1000;
const channel = "BroadcastChannel" in window ? new BroadcastChannel("staff-drafts") : null;

const form = document.querySelector("form[data-drafts]");
const owner = document.querySelector("[data-draft-owner]")?.dataset.draftOwner;

// Storage. It may be turned off or full: callers cope with exceptions.

const prefix = `${owner}.`;

function listStored() {
  const names = Object.keys(sessionStorage).filter((name) => name.startsWith(prefix));
  return names.map((name) => name.slice(prefix.length));
}

function forgetAll() {
  try {
    for (const id of listStored()) sessionStorage.removeItem(prefix + id);
  } catch { /* storage is turned off */ }
}

// Sealing: 12 bytes of nonce, then AES-GCM over the padded text, bound to the draft's id. The key is bound to account and tip.

const toBase64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
const fromBase64 = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

function pad(bytes) {
  const padded = new Uint8Array(Math.ceil((bytes.length + 1) / PAD_BYTES) * PAD_BYTES);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  return padded;
}

async function seal(key, id, draft) {
  const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const plain = pad(new TextEncoder().encode(JSON.stringify(draft)));
  const sealed = new Uint8Array(
    await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: new TextEncoder().encode(id) }, key, plain),
  );
  return `${toBase64(iv)}.${toBase64(sealed)}`;
}

/* Returns the draft, or null if it is another tip's or was changed. */
async function unseal(key, id, stored) {
  try {
    const [iv, sealed] = stored.split(".").map(fromBase64);
    const additionalData = new TextEncoder().encode(id);
    const plain = new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, key, sealed));
    return JSON.parse(new TextDecoder().decode(plain.subarray(0, plain.lastIndexOf(0x80))));
  } catch {
    return null;
  }
}

// Keys

async function askForKeys(fields) {
  const body = new URLSearchParams(fields);
  const headers = { Accept: "application/json", "X-CSRFToken": form.elements.csrfmiddlewaretoken.value };
  const response = await fetch(form.dataset.drafts, { method: "POST", body, headers, redirect: "error", cache: "no-store" });
  if (!response.ok) throw new Error(String(response.status));
  const { keys, dropped } = await response.json();
  const imported = new Map();
  for (const [id, key] of Object.entries(keys)) {
    imported.set(id, await crypto.subtle.importKey("raw", fromBase64(key), "AES-GCM", false, ["encrypt", "decrypt"]));
  }
  return { keys: imported, dropped };
}

// One tip's form

class DraftKeeper {
  constructor() {
    this.fields = [...form.querySelectorAll("[data-draft]")];
    this.status = form.querySelector("[data-kept]");
    this.text = this.status ? texts(this.status) : () => "";
    this.id = form.elements.draft?.value || "";
    this.key = null;
    this.isKept = true;
    this.isSubmitting = false;
    this.saving = null;
    this.isDirty = false;
    this.isFilling = false;
  }

  read() {
    return Object.fromEntries(this.fields.map((field) => [field.name, field.value]));
  }

  hasText() {
    return this.fields.some((field) => field.value.trim() !== "");
  }

  /* Opens the drafts of this tab that are this tip's; `id` is of the draft whose text the server has just sent back. */
  async giveBack() {
    const stored = listStored();
    const asked = [...new Set([this.id, ...stored])].filter(Boolean);
    if (!asked.length || !globalThis.crypto?.subtle) return;
    const { keys, dropped } = await askForKeys(asked.map((id) => ["id", id]));
    for (const id of dropped) sessionStorage.removeItem(prefix + id);
    const isLost = stored.some((id) => !keys.has(id) && !dropped.includes(id));
    for (const id of stored) if (!keys.has(id)) sessionStorage.removeItem(prefix + id);
    if (keys.has(this.id)) this.key = keys.get(this.id);
    let newest = null;
    for (const [id, key] of keys) {
      const draft = await unseal(key, id, sessionStorage.getItem(prefix + id) ?? "");
      if (!draft) continue;
      if (Date.now() - draft.at > LIFETIME_MS) sessionStorage.removeItem(prefix + id);
      else if (!newest || draft.at > newest.draft.at) newest = { id, key, draft };
    }
    if (newest) {
      this.use(newest.id, newest.key);
      if (!this.hasText()) this.fill(newest.draft);
    } else if (isLost && !this.hasText()) this.say(this.text("lost"));
  }

  use(id, key) {
    this.id = id;
    this.key = key;
    if (form.elements.draft) form.elements.draft.value = id;
  }

  fill(draft) {
    this.isFilling = true;
    for (const field of this.fields) {
      if (!draft.fields[field.name]) continue;
      field.value = draft.fields[field.name];
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
    this.isFilling = false;
    const kind = form.querySelector(`[name=kind][value="${draft.kind === "note" ? "note" : "answer"}"]`);
    if (kind) kind.checked = true;
    this.sayKept(draft.at);
  }

  changed() {
    this.isDirty = true;
    this.isKept = false;
    if (this.saving) return;
    this.saving = this.save().finally(() => {
      this.saving = null;
    });
  }

  async save() {
    try {
      while (this.isDirty) {
        this.isDirty = false;
        await this.keep();
      }
      this.isKept = true;
    } catch {
      // Without a secure context, storage, or the server's key: the page asks before it is left.
      this.isKept = false;
      if (this.hasText()) this.say(this.text("failed"));
    }
  }

  async keep() {
    if (!this.hasText()) {
      if (this.id) sessionStorage.removeItem(prefix + this.id);
      this.say("");
      return;
    }
    if (!this.key) {
      const id = this.id || toHex(crypto.getRandomValues(new Uint8Array(16)));
      const { keys } = await askForKeys([["new", id]]);
      if (!keys.has(id)) throw new Error("no key");
      this.use(id, keys.get(id));
    }
    const at = Date.now();
    const kind = form.querySelector("[name=kind]:checked")?.value ?? "answer";
    sessionStorage.setItem(prefix + this.id, await seal(this.key, this.id, { at, kind, fields: this.read() }));
    this.sayKept(at);
  }

  sayKept(at) {
    const time = new Date(at).toLocaleTimeString(document.documentElement.lang, { hour: "numeric", minute: "2-digit" });
    this.say(this.text("kept", { time }));
  }

  say(sentence) {
    if (this.status && this.status.textContent !== sentence) this.status.textContent = sentence;
  }

  start() {
    form.addEventListener("input", (event) => {
      if (!this.isFilling && (event.target.matches("[data-draft]") || event.target.name === "kind")) this.changed();
    });
    form.addEventListener("submit", () => {
      this.isSubmitting = true; // the next page has the text, or sent it
    });
    window.addEventListener("pageshow", () => {
      this.isSubmitting = false;
    });
    window.addEventListener("beforeunload", (event) => {
      if (!this.isSubmitting && !this.isKept && this.hasText()) event.preventDefault();
    });
    this.giveBack()
      .catch(() => {})
      .finally(() => {
        if (this.hasText() && !this.saving) this.changed();
      });
  }
}

if (form) new DraftKeeper().start();

// Signing out drops the drafts of all tabs; the server forgets their keys.
document.addEventListener("submit", (event) => {
  if (event.target.id !== "logout-form") return;
  forgetAll();
  channel?.postMessage("signed out");
});
channel?.addEventListener("message", forgetAll);
