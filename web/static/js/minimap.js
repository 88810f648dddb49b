/**
 * A small canvas with all cards as specks and a frame for what is on screen; a press or drag on it goes there. It repeats
 * what the picture says, so it is hidden from screen readers, and it is gone where the whole graph fits on the screen.
 */

import { makeElement } from "./draw.js";

const INSET = 6;
/** On a narrower graph the map would cover too much of it. */
const LEAST_WIDTH = 720;

export class GraphMinimap {
  /** @param {(x: number, y: number) => void} goTo  puts a point of the world into the middle of the screen */
  constructor(goTo) {
    this.canvas = makeElement("canvas", "minimap");
    this.canvas.setAttribute("aria-hidden", "true");
    this.canvas.hidden = true;
    this.map = null;
    const go = (event) => {
      if (!this.map || (event.type === "pointermove" && !event.buttons)) return;
      const box = this.canvas.getBoundingClientRect();
      goTo((event.clientX - box.left - this.map.x) / this.map.scale, (event.clientY - box.top - this.map.y) / this.map.scale);
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      go(event);
    });
    this.canvas.addEventListener("pointermove", go);
  }

  /** @param {import("./scene.js").Scene} scene @param {{left: number, right: number, top: number, bottom: number}} seen @param {any} lit */
  draw(scene, seen, lit) {
    const { bounds } = scene;
    if ((this.canvas.parentNode?.host?.clientWidth ?? 0) < LEAST_WIDTH) {
      this.canvas.hidden = true;
      return;
    }
    const fits = seen.left <= bounds.left && seen.right >= bounds.right && seen.top <= bounds.top && seen.bottom >= bounds.bottom;
    this.canvas.hidden = fits;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (fits || !width) return;
    const sharp = window.devicePixelRatio || 1;
    this.canvas.width = width * sharp;
    this.canvas.height = height * sharp;
    const scale = Math.min((width - 2 * INSET) / (bounds.right - bounds.left), (height - 2 * INSET) / (bounds.bottom - bounds.top));
    const x = (width - (bounds.left + bounds.right) * scale) / 2;
    const y = (height - (bounds.top + bounds.bottom) * scale) / 2;
    this.map = { x, y, scale };
    const context = this.canvas.getContext("2d");
    context.scale(sharp, sharp);
    const ink = getComputedStyle(this.canvas);
    const [plain, strong, root] = [ink.borderTopColor, ink.color, ink.outlineColor];
    for (const place of scene.cards.values()) {
      const { card } = place;
      const isLit = lit && (lit.nodes.has(card.id) || card.columns.some((node) => lit.nodes.has(node.id)));
      context.fillStyle = card.isRoot ? root : isLit ? strong : plain;
      context.fillRect(x + place.x * scale, y + place.y * scale, Math.max(2, place.width * scale), Math.max(2, place.height * scale));
    }
    context.strokeStyle = strong;
    context.lineWidth = 1.5;
    const left = Math.max(1, x + seen.left * scale);
    const top = Math.max(1, y + seen.top * scale);
    context.strokeRect(left, top, Math.min(width - 1, x + seen.right * scale) - left, Math.min(height - 1, y + seen.bottom * scale) - top);
  }
}
