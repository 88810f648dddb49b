// The page: its head, which view an address shows, what is live, and the token. Begin reading here.

import { Api } from "./api.js";
import { button, h, icon } from "./dom.js";
import { estateView, healthView } from "./health.js";
import { homeView } from "./home.js";
import { LineageView } from "./lineage.js";
import { SearchBox } from "./search.js";
import { Address, hrefOf } from "./state.js";
import { jobView, runView, tagView } from "./things.js";

const REBUILDING = "The graph is being rebuilt from the ledger: what is shown is not complete yet.";
const AWAY = "The server cannot be reached. What is shown may be old; this page tries again.";
const QUIET_MS = 4_000;
const FIRST_MS = 1_000;
/** Between two refreshes: on a busy server something arrives all the time. */
const NEWS_MS = 5_000;

class App {
  constructor() {
    this.embedded = location.pathname.endsWith("/embed");
    this.api = new Api(() => this.#askForToken());
    this.address = new Address((state) => this.#show(state));
    this.searchBox = new SearchBox(this.api, (state) => this.address.go(state));
    this.main = document.getElementById("main");
    this.say = this.say.bind(this);
    this.mayEdit = false;
    this.mayAdmin = false;
    this.reached = null;
    this.#forgetWho();
  }

  begin() {
    document.body.classList.toggle("embedded", this.embedded);
    if (!this.embedded) this.#head();
    document.addEventListener("keydown", (event) => this.#pressed(event));
    document.addEventListener("click", (event) => this.#clicked(event));
    const late = new Promise((resolve) => setTimeout(resolve, FIRST_MS));
    Promise.race([this.#show(this.address.state), late]).then(() => { // the view first: this would hold it up
      this.#who();
      if (!this.embedded) this.api.follow((facts) => this.#live(facts)); // a wiki may have many frames
    });
  }

  /** A link to a state of this page. */
  link(state, ...content) {
    return h("a", { href: hrefOf({ ...state }), "data-state": true }, ...content);
  }

  /** Tell screen readers, and show for a moment. */
  say(text) {
    const said = document.getElementById("said");
    said.textContent = text;
    said.classList.add("shown");
    clearTimeout(this.saidTimer);
    this.saidTimer = setTimeout(() => said.classList.remove("shown"), QUIET_MS);
  }

  /** A sentence at the top that stays until the next view. */
  warn(text) {
    const banner = document.getElementById("banner");
    banner.textContent = text;
    banner.hidden = !text;
    banner.setAttribute("role", "alert");
  }

  #head() {
    const token = button({ class: "bare", onclick: () => this.#askForToken(), "aria-label": "Token", title: "Token" }, icon("key"));
    this.searchHome = h("div", { class: "search-place" });
    document
      .getElementById("top")
      .append(
        this.#named(this.link({}, icon("logo"), "Headwater"), "home"),
        this.searchHome,
        h("nav", { "aria-label": "Pages" }, this.link({ see: "estate" }, "Estate"), this.link({ see: "health" }, "Health")),
        token,
      );
  }

  #named(element, name) {
    element.classList.add(name);
    return element;
  }

  async #show(state) {
    this.warn(this.away ? AWAY : this.rebuilding ? REBUILDING : "");
    const view = state.node ? "lineage" : state.job || state.run || state.tag ? "thing" : state.see ? state.see : "home";
    document.body.dataset.view = view;
    if (!this.embedded && (view !== "home" || !this.searchBox.element.isConnected)) this.searchHome.replaceChildren(this.searchBox.element);
    for (const link of document.querySelectorAll("#top nav a")) {
      link.toggleAttribute("aria-current", link.getAttribute("href") === `?see=${state.see}`);
    }
    if (view !== "lineage") {
      this.lineage = null;
      document.title = "Headwater";
    }
    try {
      if (view === "lineage") {
        this.lineage ??= new LineageView(this, this.main);
        await this.lineage.show(state);
      } else if (state.job) jobView(this, state, this.main);
      else if (state.run) runView(this, state, this.main);
      else if (state.tag) tagView(this, state, this.main);
      else if (state.see === "estate") estateView(this, state, this.main);
      else if (state.see === "health") healthView(this, this.main);
      else await homeView(this, state, this.main);
    } catch (error) {
      if (this.address.state !== state) return;
      const again = button({ onclick: () => this.#show(this.address.state), text: "Try again" });
      this.main.replaceChildren(h("div", { class: "wide failed", role: "alert" }, h("h1", { text: "This cannot be shown" }), h("p", { text: error.message }), again));
    }
  }

  /** Links within the page change its state without loading it again. */
  #clicked(event) {
    const link = event.target.closest?.("a[data-state]");
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    const href = link.getAttribute("href");
    history.pushState(null, "", href === "./" ? location.pathname : href);
    dispatchEvent(new PopStateEvent("popstate"));
    if (link.closest(".panel")) return;
    window.scrollTo(0, 0);
    if (document.activeElement === document.body) this.main.focus();
  }

  #pressed(event) {
    const typing = event.composedPath()[0].closest?.("input, textarea, select"); // also within the graph
    if (typing || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && !this.embedded) {
      event.preventDefault();
      this.searchBox.focus();
    } else if (event.key === "o" && this.address.state.node) {
      this.address.change({ outline: !this.address.state.outline });
    }
  }

  /** What the token may do, or, where none is needed, everybody. */
  async #who() {
    try {
      const { scopes } = await this.api.ask("me");
      this.mayAdmin = scopes.includes("admin") && !this.embedded;
      this.mayEdit = (this.mayAdmin || scopes.includes("annotate")) && !this.embedded;
    } catch {
      this.mayEdit = false;
      this.mayAdmin = false;
    }
    this.isKnown();
  }

  #useToken(token) {
    this.api.setToken(token);
    this.#forgetWho();
    this.#who();
    this.#again();
  }

  /** What the reader may do is not known until `#who` has been answered. */
  #forgetWho() {
    this.known = new Promise((resolve) => (this.isKnown = resolve));
  }

  #live(facts) {
    const back = this.away;
    this.away = facts === null;
    if (this.away) {
      this.warn(AWAY);
      return;
    }
    const moved = this.reached !== null && facts.reached !== this.reached;
    const rebuilt = this.rebuilding && !facts.rebuilding;
    this.rebuilding = facts.rebuilding;
    if (back) this.warn("");
    this.reached = facts.reached;
    if (facts.rebuilding) this.warn(REBUILDING);
    if (this.newestRun === undefined) this.#newest().catch(() => {});
    if (moved) this.api.forget();
    if (rebuilt) this.#again();
    else if (!facts.rebuilding && (moved || this.main.querySelector(".failed"))) {
      this.newsTimer ??= setTimeout(() => this.#news(), Math.max(0, (this.newsAt ?? 0) + NEWS_MS - Date.now()));
    }
  }

  /** The id of the newest run; null before the first one. */
  async #newest() {
    const [run] = await this.api.rows("latest-runs", { limit: 1 });
    return (this.newestRun = run?.id ?? null);
  }

  async #news() {
    this.newsTimer = undefined;
    this.newsAt = Date.now();
    if (this.main.querySelector(".failed")) {
      this.#again();
      return;
    }
    const known = this.newestRun;
    const newest = await this.#newest().catch(() => known);
    if (known !== undefined && newest !== known) this.say("New runs have arrived"); // and no tag or description, say
    const { state } = this.address;
    if (state.node) this.lineage?.refreshRuns().catch(() => {});
    if (!state.node && !state.job && !state.run && !state.tag && !state.see) this.#show(state);
  }

  /** What was answered before is not true any more: ask all of it anew. */
  #again() {
    this.api.forget();
    this.lineage = null;
    this.#show(this.address.state);
  }

  #askForToken() {
    if (document.querySelector("dialog[open]")) return;
    const field = h("input", { type: "password", id: "token", autocomplete: "off", size: "48", required: true });
    const dialog = h(
      "dialog",
      { "aria-labelledby": "token-title" },
      h(
        "form",
        {
          method: "dialog",
          onsubmit: () => this.#useToken(field.value.trim()),
        },
        h("h2", { id: "token-title", text: "A token is needed" }),
        h("p", { text: "It is kept until this tab is closed, and sent to this server alone. It is made by: headwater token add --scope read NAME" }),
        h("p", {}, h("label", { for: "token", text: "Token " }), field),
        h(
          "p",
          { class: "actions" },
          h("button", { type: "submit", class: "primary", text: "Use it" }),
          this.api.hasToken
            ? h("button", {
                type: "button",
                onclick: () => {
                  dialog.close();
                  this.#useToken(null);
                },
                text: "Forget it",
              })
            : "",
          button({ onclick: () => dialog.close(), text: "Cancel" }),
        ),
      ),
    );
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }
}

new App().begin();
