"""The page's style sheet."""

STYLE = """
:root {
  color-scheme: light dark;
  --back: #ffffff; --front: #1f2328; --faint: #656d76; --line: #d8dee4; --card: #f6f8fa;
  --warning: #b26a00; --critical: #c62828;
  --s0: #3b6fd4; --s1: #d98324; --s2: #2f9e6e; --s3: #a45bbf; --s4: #1a97ad; --s5: #d0578c; --s6: #80862a;
    --s7: #8b949e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #0d1117; --front: #e6edf3; --faint: #9198a1; --line: #30363d; --card: #161b22;
    --warning: #e3a33c; --critical: #ff7b72;
    --s0: #5b8ff0; --s1: #e79a47; --s2: #46b988; --s3: #bd7ad6; --s4: #38b3c9; --s5: #e276a6; --s6: #a3aa45;
      --s7: #768390;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--front);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 24px 20px 64px; }
h1 { font-size: 26px; margin: 8px 0 0; }
h2 { font-size: 18px; margin: 0 0 4px; }
h3 { font-size: 14px; margin: 16px 0 4px; color: var(--faint); font-weight: 600; overflow-wrap: anywhere; }
section { margin-top: 36px; }
.about { margin: 0 0 10px; color: var(--faint); font-size: 13.5px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(180px, 1fr)); gap: 12px; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; min-width: 0; }
.tile .name { color: var(--faint); font-size: 13px; }
.tile .value { font-size: 24px; font-weight: 600; font-variant-numeric: tabular-nums; }
.tile .detail { color: var(--faint); font-size: 12.5px; overflow-wrap: anywhere; }
ul { margin: 6px 0 0; padding-left: 20px; }
li { margin: 4px 0; overflow-wrap: anywhere; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; font-size: 13px; color: var(--faint); }
.legend i { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 6px; }
svg { display: block; width: 100%; height: auto; } svg.w380 { display: none; }
svg text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; fill: var(--front); }
svg .tick, svg .mark { fill: var(--faint); }
svg .mark { font-size: 11px; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg polygon { opacity: 0.85; }
svg .warning { stroke: var(--warning); stroke-dasharray: 6 4; stroke-width: 1.5; }
svg .critical { stroke: var(--critical); stroke-dasharray: 6 4; stroke-width: 1.5; }
svg .budget { stroke: var(--faint); stroke-width: 1.5; }
svg .warning-text { fill: var(--warning); } svg .critical-text { fill: var(--critical); }
svg .budget-text { fill: var(--faint); }
svg .warning-text, svg .critical-text, svg .budget-text { paint-order: stroke; stroke: var(--back); stroke-width: 3px; }
svg .clear { stroke: var(--front); stroke-dasharray: 2 3; }
svg .compaction { stroke: var(--faint); stroke-dasharray: 2 3; }
svg .hover { fill: transparent; } svg .hover:hover { fill: var(--front); opacity: 0.12; }
.s0 { fill: var(--s0); background: var(--s0); } .s1 { fill: var(--s1); background: var(--s1); }
.s2 { fill: var(--s2); background: var(--s2); } .s3 { fill: var(--s3); background: var(--s3); }
.s4 { fill: var(--s4); background: var(--s4); } .s5 { fill: var(--s5); background: var(--s5); }
.s6 { fill: var(--s6); background: var(--s6); } .s7 { fill: var(--s7); background: var(--s7); }
.bar { display: grid; grid-template-columns: minmax(0, 22%) minmax(0, 1fr) minmax(0, 26%); gap: 0 12px;
  align-items: center; padding: 3px 0; font-size: 13.5px; }
.bar .label { text-align: right; overflow-wrap: anywhere; min-width: 0; }
.bar .track { position: relative; height: 16px; }
.bar .track i { display: block; height: 100%; border-radius: 2px; min-width: 2px; }
.bar .track i.over { outline: 2px solid var(--critical); }
.bar .track b { position: absolute; top: -2px; bottom: -2px; width: 2px; margin-left: -1px; background: var(--front); }
.bar .figure { font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
small { color: var(--faint); font-size: 12px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
th { text-align: left; color: var(--faint); font-weight: 600; }
th, td { padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td { overflow-wrap: anywhere; } td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
code { font: 12.5px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
@media (max-width: 620px) {
  main { padding: 16px 14px 48px; }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .tile .value { font-size: 20px; }
  svg.w1040 { display: none; } svg.w380 { display: block; }
  .bar { grid-template-columns: minmax(36%, 1fr) minmax(0, max-content); padding: 5px 0; }
  .bar .label { text-align: left; } .bar .track { grid-row: 2; grid-column: 1 / 3; height: 10px; }
  .bar .figure { text-align: right; }
  table, tbody, tr { display: block; } th { display: none; }
  tr { padding: 8px 0; border-bottom: 1px solid var(--line); }
  td { display: inline-block; padding: 1px 14px 1px 0; border: 0; } td:empty { display: none; }
}
@media print { section { break-inside: avoid; } .hover { display: none; } }
"""
