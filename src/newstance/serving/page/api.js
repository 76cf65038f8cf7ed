// Requests to the server. What goes wrong becomes a Problem with one sentence for a person.

const KEY = "newstance-key";

/** What a person is told when something fails, and whether the same may work when tried again. */
export class Problem extends Error {
  constructor(sentence, { again = false } = {}) {
    super(sentence);
    this.again = again;
  }
}

const dialog = document.getElementById("key");
const forget = document.getElementById("forget");
let asking = null;

/** Ask for a key, once for all requests that wait for it. */
function askForKey(reason) {
  asking ??= new Promise((resolve) => {
    const input = document.getElementById("key-input");
    document.getElementById("key-reason").textContent = reason;
    input.value = "";
    dialog.returnValue = "";
    dialog.addEventListener(
      "close",
      () => {
        asking = null;
        resolve(dialog.returnValue === "use" ? input.value.trim() : "");
      },
      { once: true },
    );
    dialog.showModal();
  });
  return asking;
}

/** Forget the key of this session. */
export function forgetKey() {
  sessionStorage.removeItem(KEY);
  showForget();
}

/** Offer to forget the key while there is one. */
export function showForget() {
  forget.hidden = !sessionStorage.getItem(KEY);
}

/**
 * Send a request and return the parsed answer; with a body it is a POST.
 * A server that asks for a key gets one, from the session or from the person.
 */
export async function request(path, body, signal) {
  for (;;) {
    const key = sessionStorage.getItem(KEY);
    const response = await send(path, body, key, signal);
    if (response.ok) return response.json();
    if (response.status !== 401) throw new Problem(await sentence(response, body), { again: response.status >= 500 });
    // Another request may have been given a newer key meanwhile.
    if (key !== sessionStorage.getItem(KEY)) continue;
    const given = await askForKey(key ? "The key was not accepted. Enter another one." : "Whoever runs the server has one for you.");
    if (!given) throw new Problem("This server needs an API key; enter one to go on.", { again: true });
    sessionStorage.setItem(KEY, given);
    showForget();
  }
}

async function send(path, body, key, signal) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key) headers.Authorization = `Bearer ${key}`;
  try {
    const method = body === undefined ? "GET" : "POST";
    return await fetch(path, { method, headers, body: JSON.stringify(body), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("The server can't be reached; check the connection and try again.", { again: true });
  }
}

/** The problem details (RFC 9457) of a response as one sentence. */
async function sentence(response, body) {
  const problem = await response.json().catch(() => ({}));
  const wait = Number(response.headers.get("Retry-After"));
  if (response.status === 503) {
    return `The server is busy; try again ${wait > 0 ? `in ${wait} second${wait === 1 ? "" : "s"}` : "shortly"}.`;
  }
  const first = problem.errors?.[0];
  if (first?.detail) return stop(`${placeOf(first.pointer, body)}: ${first.detail}`);
  const said = problem.detail ?? problem.title;
  if (typeof said === "string" && said) return stop(said);
  return `The server answered with error ${response.status} and gave no reason; try again.`;
}

/** A JSON pointer into what was sent, in words. */
function placeOf(pointer, body) {
  const [field, index] = (pointer ?? "").replace(/^#?\//, "").split("/");
  if (field === "targets" && index !== undefined) return `Target “${body.targets[index]}”`;
  return { title: "Headline", text: "Text", targets: "Targets" }[field] ?? "What was sent";
}

const stop = (text) => (/[.!?]$/.test(text) ? text : `${text}.`);
