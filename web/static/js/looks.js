/**
 * The style of <hw-graph>, inside its shadow root. Colours are the page's `--hw-*` (theme.css); where no page sets them, as
 * in a notebook, the ones here: with a contrast of 4.5:1 for text and 3:1 for lines on both grounds.
 */

export const GRAPH_STYLE = `
:host {
  --g-ground: var(--hw-ground, light-dark(#f5f7f9, #0e1318));
  --g-card: var(--hw-card, light-dark(#ffffff, #182028));
  --g-head: var(--hw-card-head, light-dark(#f0f3f6, #202a34));
  --g-ink: var(--hw-ink, light-dark(#1b2430, #e4eaf0));
  --g-soft: var(--hw-soft, light-dark(#586675, #9fadba));
  --g-edge: var(--hw-edge, light-dark(#d3dae1, #34414d));
  --g-accent: var(--hw-accent, light-dark(#1d6fb8, #6cb6ff));
  --g-accent-pale: var(--hw-accent-pale, light-dark(#dcecfa, #17344f));
  --g-direct: var(--hw-direct, light-dark(#1d6fb8, #6cb6ff));
  --g-indirect: var(--hw-indirect, light-dark(#6b7785, #93a0ae));
  --g-masked: var(--hw-masked, light-dark(#b3202c, #ff8b8b));
  --g-root: var(--hw-root, light-dark(#b77400, #f0b44c));
  --g-root-pale: var(--hw-root-pale, light-dark(#fff4db, #3a2d12));
  --g-added: var(--hw-added, light-dark(#1a7f37, #57d072));
  --g-removed: var(--hw-removed, light-dark(#b3202c, #ff8b8b));
  --g-changed: var(--hw-changed, light-dark(#8a5a00, #e8b04a));
  --g-good: var(--hw-good, light-dark(#1a7f37, #57d072));
  --g-bad: var(--hw-bad, light-dark(#c0262d, #ff7b7b));
  display: block; position: relative; min-height: 240px; background: var(--g-ground); color: var(--g-ink);
  font: 13px/1.35 var(--hw-font, system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif);
}
:host([theme="light"]) { color-scheme: light; }
:host([theme="dark"]) { color-scheme: dark; }
:host([hidden]) { display: none; }
* { box-sizing: border-box; }
button { font: inherit; color: inherit; background: none; border: 0; padding: 0; margin: 0; text-align: left; cursor: pointer; }
.frame { position: absolute; inset: 0; overflow: hidden; touch-action: none; cursor: grab; user-select: none; -webkit-user-select: none; }
.frame.dragging { cursor: grabbing; }
.world { position: absolute; left: 0; top: 0; transform-origin: 0 0; }
.lines { position: absolute; left: 0; top: 0; width: 1px; height: 1px; overflow: visible; pointer-events: none; }
.line { fill: none; stroke: var(--g-direct); stroke-opacity: .75; }
.line.rows { stroke: var(--g-indirect); stroke-opacity: .6; }
.line.masked { stroke: var(--g-masked); stroke-opacity: .7; }
.line.ribbon { stroke-opacity: .3; stroke-linecap: butt; }
.lit .line, .hover .line { stroke-opacity: 1; }
.lit .line.ribbon, .hover .line.ribbon { stroke-opacity: .62; }
.lit .line.rows, .hover .line.rows { stroke-dasharray: 6 3; }
.lit .line.uncertain, .hover .line.uncertain { stroke-dasharray: 2 3; }
.line.added { stroke: var(--g-added); stroke-opacity: .9; }
.line.removed { stroke: var(--g-removed); stroke-opacity: .9; stroke-dasharray: 3 4; }
.line.changed { stroke: var(--g-changed); stroke-opacity: .9; }
.line-sign { font: 700 17px/1 var(--hw-font, sans-serif); text-anchor: middle; dominant-baseline: central; fill: var(--g-changed); stroke: var(--g-ground); stroke-width: 5px; paint-order: stroke; }
.line-sign.added { fill: var(--g-added); } .line-sign.removed { fill: var(--g-removed); }
.far .line-sign { font-size: calc(15px * var(--counter-scale)); stroke-width: calc(4px * var(--counter-scale)); }
.veil { display: none; fill: var(--g-ground); opacity: .84; }
.has-lit .veil { display: inline; }
.hit { fill: none; stroke: transparent; stroke-width: 12px; pointer-events: stroke; cursor: pointer; }
marker path { fill: var(--g-direct); }
marker.indirect path { fill: var(--g-indirect); }
marker.masked path { fill: var(--g-masked); }
.card { position: absolute; left: 0; top: 0; display: flex; flex-direction: column; background: var(--g-card); border-radius: 10px;
  border: 1px solid var(--g-edge); box-shadow: 0 1px 2px rgb(16 24 32 / .06), 0 3px 10px rgb(16 24 32 / .07); }
.moving .card { transition: transform .2s ease-out, height .2s ease-out; }
.moving .lines { animation: appear .3s ease-out; }
@keyframes appear { from { opacity: 0; } 50% { opacity: 0; } to { opacity: 1; } }
.card.pale { box-shadow: none; }
.card.pale::after { content: ""; position: absolute; inset: -1px; border-radius: inherit; background: var(--g-ground); opacity: .32; pointer-events: none; } /* an opacity of the card makes a layer of it; with more, its text would have less than 4.5:1 */
.pale :is(.title, .subtitle, .expression, .sign, .doubt, .foot, .more) { color: var(--g-ink); }
.card.root { border-color: var(--g-root); box-shadow: 0 0 0 1px var(--g-root), 0 3px 12px rgb(16 24 32 / .1); }
.card.root .head { background: var(--g-root-pale); }
.card.selected { border-color: var(--g-accent); box-shadow: 0 0 0 2px var(--g-accent); }
.card.job { border-radius: 22px; border-style: solid; border-color: color-mix(in srgb, var(--g-accent) 45%, var(--g-edge)); }
.card.job .head { border-radius: 21px; background: var(--g-card); padding-left: 34px; }
.card.job .head::before { content: ""; position: absolute; left: 13px; top: 17px; width: 12px; height: 12px; border: 2.5px solid var(--g-accent); border-radius: 50%; }
.card.fold { border-style: dashed; background: var(--g-head); }
.card.fold .title { color: var(--g-accent); }
.card.added { border-color: var(--g-added); } .card.removed { border-color: var(--g-removed); border-style: dashed; } .card.changed { border-color: var(--g-changed); }
.head { position: relative; flex: 0 0 46px; padding: 6px 12px 0; background: var(--g-head); border-radius: 9px 9px 0 0; }
.card:not(:has(.row)) .head { border-radius: 9px; }
.card.job .head { border-radius: 21px; }
h3 { margin: 0; font-size: 13.5px; font-weight: 640; line-height: 18px; padding-right: 18px; }
.title { display: block; width: 100%; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; border-radius: 4px; }
.subtitle { margin: 0; font-size: 11px; line-height: 15px; color: var(--g-soft); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; direction: ltr; }
.status { position: absolute; right: 12px; top: 11px; width: 9px; height: 9px; border-radius: 50%; }
.status.succeeded, .status.success, .status.completed { background: var(--g-good); }
.status.failed, .status.error { background: var(--g-bad); border-radius: 2px; transform: rotate(45deg); }
.status.running { border: 2px solid var(--g-accent); }
.sign { font-weight: 700; font-size: 15px; line-height: 18px; }
.head .sign { position: absolute; right: 28px; top: 6px; }
.added > .head > .sign, .row.added .sign { color: var(--g-added); }
.removed > .head > .sign, .row.removed .sign { color: var(--g-removed); }
.changed > .head > .sign, .row.changed .sign { color: var(--g-changed); }
.rows { flex: 1 1 auto; padding: 2px 0; overflow: hidden; }
.row { display: flex; align-items: center; gap: 6px; width: 100%; height: 24px; padding: 0 9px 0 12px; white-space: nowrap; border-radius: 0; }
.ends .row:last-child { border-radius: 0 0 8px 8px; }
.row:hover, .row.near { background: color-mix(in srgb, var(--g-accent) 9%, transparent); }
.row.lit { background: color-mix(in srgb, var(--g-accent) 15%, transparent); }
.row[aria-pressed="true"] { background: var(--g-accent-pale); box-shadow: inset 3px 0 var(--g-accent); font-weight: 620; }
.row.found .name { text-decoration: underline; text-decoration-thickness: 2px; text-decoration-color: var(--g-root); text-underline-offset: 3px; }
.row.pinned-last { border-bottom: 1px solid var(--g-edge); }
.name { flex: 0 1 auto; min-width: 40%; overflow: hidden; text-overflow: ellipsis; }
.expression { flex: 1 1 0; min-width: 0; overflow: hidden; text-overflow: ellipsis; text-align: right; font: 11px/1 var(--hw-mono, ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", monospace); color: var(--g-soft); font-weight: 400; }
.row:not(:has(.expression)) .name { flex: 1 1 0; }
.tag { flex: 0 0 auto; font-size: 10.5px; line-height: 15px; padding: 0 6px; border-radius: 8px; color: var(--g-ink); background: color-mix(in srgb, var(--g-root) 24%, transparent); max-width: 70px; overflow: hidden; text-overflow: ellipsis; }
.doubt { flex: 0 0 auto; color: var(--g-changed); font-weight: 700; }
.making { flex: 0 0 13px; width: 13px; height: 13px; fill: var(--g-soft); }
.making.masked { fill: var(--g-masked); }
.making.unresolved { fill: var(--g-changed); }
.filter { flex: 0 0 26px; margin: 4px 8px; padding: 0 8px; height: 26px; border: 1px solid var(--g-edge); border-radius: 6px; background: var(--g-ground); color: var(--g-ink); font: inherit; font-size: 12px; user-select: text; -webkit-user-select: text; }
.filter::placeholder { color: var(--g-soft); }
.foot { flex: 0 0 24px; border-top: 1px solid var(--g-edge); padding: 0 12px; font-size: 12px; color: var(--g-accent); border-radius: 0 0 9px 9px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.foot:hover { background: var(--g-head); }
.more { position: absolute; top: 12px; height: 24px; min-width: 30px; padding: 0 7px; border-radius: 12px; text-align: center; font-size: 11.5px; font-weight: 650; background: var(--g-card); color: var(--g-accent); border: 1px solid var(--g-accent); z-index: 1; box-shadow: 0 1px 3px rgb(16 24 32 / .15); }
.more.up { right: calc(100% - 6px); } .more.down { left: calc(100% - 6px); }
.more:hover { background: var(--g-accent); color: var(--g-card); }
.far .card { border-radius: 16px; border-width: calc(1.2px * var(--counter-scale)); overflow: hidden; justify-content: center; }
.far .card { box-shadow: none; background: var(--g-head); border-color: color-mix(in srgb, var(--g-soft) 55%, var(--g-edge)); }
.far .card.root { background: var(--g-root-pale); border-color: var(--g-root); }
.far .line { vector-effect: non-scaling-stroke; stroke-opacity: .42; }
.far .head { flex: 0 0 auto; padding: 0 4%; background: none; position: static; }
.far .head::before, .far .subtitle, .far .rows, .far .sign { display: none; }
.far h3 { padding: 0; font-size: calc(11px * var(--counter-scale)); line-height: 1.15; }
.far .title { white-space: normal; overflow-wrap: anywhere; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; text-align: center; }
.tiny h3 { opacity: 0; }
.far .status { right: 6px; top: 6px; width: calc(7px * var(--counter-scale)); height: calc(7px * var(--counter-scale)); }
:focus { outline: none; }
:focus-visible { outline: 2.5px solid var(--g-accent); outline-offset: -2px; }
.tools { position: absolute; right: 12px; bottom: 12px; display: flex; flex-direction: column; background: var(--g-card); border: 1px solid var(--g-edge); border-radius: 9px; box-shadow: 0 2px 8px rgb(16 24 32 / .12); overflow: hidden; }
.tools button { width: 34px; height: 32px; display: grid; place-items: center; }
.tools button + button { border-top: 1px solid var(--g-edge); }
.tools button:hover { background: var(--g-head); }
.tools svg { width: 16px; height: 16px; fill: none; stroke: currentColor; stroke-width: 1.7; stroke-linecap: round; stroke-linejoin: round; }
.notice { position: absolute; left: 12px; top: 12px; margin: 0; max-width: min(420px, calc(100% - 24px)); padding: 6px 12px; border-radius: 8px; background: var(--g-root-pale); border: 1px solid var(--g-root); color: var(--g-ink); font-size: 12px; }
.notice:empty { display: none; }
.minimap { position: absolute; right: 58px; bottom: 12px; width: 172px; height: 112px; background: var(--g-card); border: 1px solid var(--g-edge); color: var(--g-accent); outline: 0 none var(--g-root); border-radius: 9px; cursor: crosshair; touch-action: none; }
.minimap[hidden] { display: none; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; margin: 0; }
@media (max-width: 760px) { .tools { flex-direction: row; right: 6px; bottom: 6px; } .tools button + button { border-top: 0; border-left: 1px solid var(--g-edge); } }
@media (prefers-reduced-motion: reduce) { .moving .card { transition: none; } .moving .lines { animation: none; } }
@media (forced-colors: active) { .card, .more { border-color: CanvasText; } .line { stroke: CanvasText; } .lit .line { stroke: Highlight; } .veil { fill: Canvas; } }
`;
