// Asking the server. The only module that sends anything; it asks the server that the page came from, and no other.

const TOKEN_KEY = "headwater-token";
const UNAUTHORISED = 401;
const RETRY_MS = [1_000, 2_000, 5_000, 10_000, 30_000];

/** Why the server did not answer. `status` 0: it cannot be reached. */
export class Refused extends Error {
  constructor(status, message, said = {}) {
    super(message);
    this.status = status;
    this.suggestions = said.suggestions ?? [];
    this.run = said.run; // the last one that failed, and its job, where nothing was ever written
    this.job = said.job;
  }
}

/** Asks the API; `onTokenNeeded` is called when it wants a token, or another one. */
export class Api {
  constructor(onTokenNeeded) {
    this.onTokenNeeded = onTokenNeeded;
    /** @type {Map<string, Promise<any>>} answers that hold until the graph changes */
    this.known = new Map();
  }

  get hasToken() {
    return sessionStorage.getItem(TOKEN_KEY) !== null;
  }

  /** Kept until the tab is closed, and sent in a header alone; null forgets it. */
  setToken(token) {
    if (token === null) sessionStorage.removeItem(TOKEN_KEY);
    else sessionStorage.setItem(TOKEN_KEY, token);
    this.known.clear();
    this.tokenChanged?.();
  }

  /** The graph has changed: what was answered may be old. */
  forget() {
    this.known.clear();
  }

  /**
   * The JSON of an answer. The same question is asked once, until `forget`. Refused.
   * @param {string} path  below api/v1/
   * @param {Record<string, any>} [parameters]  null, undefined and "" are left out
   */
  ask(path, parameters = {}, signal = undefined) {
    const url = this.url(path, parameters);
    const known = this.known.get(url);
    if (known) return known;
    const asked = this.#fetched(url, { signal });
    this.known.set(url, asked);
    asked.catch(() => this.known.delete(url));
    return asked;
  }

  /** The rows of a query of the catalogue. */
  async rows(query, parameters = {}, signal = undefined) {
    return (await this.ask(`queries/${query}`, parameters, signal)).rows;
  }

  /** Send JSON; the JSON of the answer. Refused. */
  send(path, body) {
    return this.#fetched(`api/v1/${path}`, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "Content-Type": "application/json" },
    });
  }

  /** The text of a file that the server makes. Refused. */
  async text(path, parameters) {
    const response = await this.#response(this.url(path, parameters), {});
    return response.text();
  }

  url(path, parameters = {}) {
    const pairs = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
    const query = new URLSearchParams(pairs.map(([key, value]) => [key, String(value)]));
    return `api/v1/${path}${pairs.length ? `?${query}` : ""}`;
  }

  async #fetched(url, options) {
    return (await this.#response(url, options)).json();
  }

  async #response(url, options) {
    const headers = { ...options.headers };
    const token = sessionStorage.getItem(TOKEN_KEY);
    if (token) headers.Authorization = `Bearer ${token}`;
    let response;
    try {
      response = await fetch(url, { ...options, headers, credentials: "same-origin" });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Refused(0, "The server cannot be reached. It may have been stopped.");
    }
    if (response.ok) return response;
    if (response.status === UNAUTHORISED) this.onTokenNeeded();
    const said = await response.json().catch(() => ({}));
    const message = said.error ?? said.message ?? `The server answered with ${response.status}.`;
    throw new Refused(response.status, message, said);
  }

  /**
   * Calls `handle` with `{reached, lag, rebuilding}` now and whenever the graph changes, and with null while the server
   * cannot be reached. Begins anew when the connection ends. EventSource cannot send a token, so this reads a stream. Only
   * while the page is looked at: a browser opens six connections to a server, which as many tabs would use up.
   */
  async follow(handle) {
    let failures = 0;
    for (;;) {
      while (document.hidden) await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
      const stop = new AbortController();
      const { signal } = stop;
      document.addEventListener("visibilitychange", () => stop.abort(), { once: true, signal });
      try {
        const response = await this.#response("api/v1/events", { signal });
        const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
        let text = "";
        for (;;) {
          const { value, done } = await reader.read();
          if (done) break;
          failures = 0;
          text += value;
          const events = text.split("\n\n");
          text = events.pop() ?? "";
          for (const event of events) {
            const data = event.split("\n").find((line) => line.startsWith("data: "));
            if (data) handle(JSON.parse(data.slice("data: ".length)));
          }
        }
      } catch (error) {
        if (signal.aborted) continue;
        if (!(error instanceof Refused) || error.status === 0) handle(null);
        else if (error.status === UNAUTHORISED) await new Promise((resolve) => (this.tokenChanged = resolve));
      }
      stop.abort();
      const wait = RETRY_MS[Math.min(failures, RETRY_MS.length - 1)];
      failures += 1;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}
