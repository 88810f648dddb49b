// The cards of an answer as a plain list.
import { h, shortName, splitNode } from "./dom.js";
export class HwGraph extends HTMLElement {
  set answer(answer) { this.data = answer; this.render(); }
  get answer() { return this.data; }
  set view(view) { this.wanted = view; this.render(); }
  merge(answer) { this.answer = answer; }
  render() {
    if (!this.data) return;
    const ids = [...new Set(this.data.nodes.map((n) => n.dataset))];
    this.replaceChildren(...ids.map((id) => {
      const d = this.data.nodes.find((n) => n.id === id) ?? {};
      const fire = (name, detail) => this.dispatchEvent(new CustomEvent(name, { detail }));
      return h("section", {}, h("button", { type: "button", text: `+${d.moreUpstream}`, onclick: () => fire("expand", { node: id, direction: "upstream" }) }), h("h3", { text: shortName(id) }), h("button", { type: "button", text: `+${d.moreDownstream}`, onclick: () => fire("expand", { node: id, direction: "downstream" }) }), this.data.nodes.filter((n) => n.dataset === id && n.label === "column").map((n) => h("button", { type: "button", text: splitNode(n.id).column, onclick: () => fire("select", { node: n.id }) })));
    }));
  }
}
customElements.define("hw-graph", HwGraph);
