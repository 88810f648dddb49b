/**
 * Pointers and wheels as movements of a camera: drag pans, two fingers pinch, a mouse wheel or Ctrl zooms, a trackpad's two
 * fingers pan. Not here: keys (graph.js), what a click means.
 */

export const LEAST_SCALE = 0.04;
export const MOST_SCALE = 2.5;
/** A press that moves less, in pixels, is a click. */
const CLICK_REACH = 4;

/**
 * @param {HTMLElement} frame
 * @param {{panBy: (x: number, y: number) => void, zoomAt: (factor: number, x: number, y: number) => void,
 *   scrollCard: (target: EventTarget, delta: number) => boolean}} camera
 * @returns {{wasDrag: () => boolean}}  whether the press that ended last was a drag, whose click has to be ignored
 */
export function listenToGestures(frame, camera) {
  const pointers = new Map();
  let moved = 0;
  const middle = () => {
    const points = [...pointers.values()];
    const x = points.reduce((sum, point) => sum + point.x, 0) / points.length;
    const y = points.reduce((sum, point) => sum + point.y, 0) / points.length;
    const spread = points.length > 1 ? Math.hypot(points[0].x - points[1].x, points[0].y - points[1].y) : 0;
    return { x, y, spread };
  };
  frame.addEventListener("pointerdown", (event) => {
    if (event.button > 1 || isTyping(event.composedPath()[0])) return;
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (pointers.size === 1) moved = 0;
  });
  frame.addEventListener("pointermove", (event) => {
    if (!event.buttons) end(event); // it was let go outside
    if (!pointers.has(event.pointerId)) return;
    const before = middle();
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const after = middle();
    moved += Math.abs(after.x - before.x) + Math.abs(after.y - before.y);
    if (moved < CLICK_REACH && pointers.size === 1) return;
    if (!frame.hasPointerCapture(event.pointerId)) frame.setPointerCapture(event.pointerId);
    frame.classList.add("dragging");
    camera.panBy(after.x - before.x, after.y - before.y);
    if (before.spread && after.spread) {
      moved += CLICK_REACH;
      const box = frame.getBoundingClientRect();
      camera.zoomAt(after.spread / before.spread, after.x - box.left, after.y - box.top);
    }
  });
  const end = (event) => {
    pointers.delete(event.pointerId);
    if (!pointers.size) frame.classList.remove("dragging");
  };
  frame.addEventListener("pointerup", end);
  frame.addEventListener("pointercancel", end);
  frame.addEventListener("wheel", (event) => {
    event.preventDefault();
    const pixels = event.deltaMode === 1 ? 20 : event.deltaMode === 2 ? 400 : 1;
    const [x, y] = [event.deltaX * pixels, event.deltaY * pixels];
    if (!event.ctrlKey && !event.metaKey && camera.scrollCard(event.composedPath()[0], y)) return;
    const isMouse = event.deltaMode !== 0 || (x === 0 && Math.abs(y) >= 60 && Number.isInteger(y));
    if (event.ctrlKey || event.metaKey || (isMouse && !event.shiftKey)) {
      const box = frame.getBoundingClientRect();
      camera.zoomAt(Math.exp(-Math.max(-120, Math.min(120, y)) * (isMouse ? 0.002 : 0.01)), event.clientX - box.left, event.clientY - box.top);
    } else if (event.shiftKey && x === 0) camera.panBy(-y, 0);
    else camera.panBy(-x, -y);
  }, { passive: false });
  return { wasDrag: () => moved >= CLICK_REACH };
}

/** Whether an element takes text, whose keys and presses are its own. */
export function isTyping(element) {
  return element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement || element instanceof HTMLSelectElement;
}
