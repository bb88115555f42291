"""How the model card looks: one column on a phone, light and dark, and on paper."""

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --quiet: #59636e; --paper: #ffffff; --line: #d5dae0; --band: #f3f5f8;
  --accent: #0072b2; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecf1; --quiet: #9aa6b2; --paper: #14181d; --line: #333b45;
  --band: #1d232b; --accent: #56b4e9; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 46rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: .5rem 0; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; padding-bottom: .2rem; border-bottom: 2px solid var(--accent); }
.quiet, small, figcaption { color: var(--quiet); }
small { display: block; font-weight: normal; font-size: .8rem; line-height: 1.3; }
.verdict { font-size: 1.1rem; background: var(--band); border-left: 4px solid var(--accent); padding: .8rem 1rem; }
.verdict p { margin: .3rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .5rem; text-align: right; vertical-align: top; border-bottom: 1px solid var(--line); }
th:first-child { text-align: left; }
td { white-space: nowrap; }
thead th { background: var(--band); overflow-wrap: normal; }
tbody th { font-weight: 600; text-align: left; overflow-wrap: anywhere; min-width: 7rem; }
dl { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr; gap: .3rem 1rem; margin: 0; }
dt { color: var(--quiet); } dd { margin: 0; }
figure { margin: 1rem 0; background: #ffffff; border: 1px solid var(--line); border-radius: .5rem; padding: .5rem;
  color: #1b1f24; break-inside: avoid; }
figcaption { color: #59636e; font-size: .9rem; padding: 0 .3rem .3rem; }
img { display: block; width: 100%; height: auto; max-width: 36rem; margin: 0 auto; }
code { font-size: .9em; background: var(--band); padding: .1rem .3rem; border-radius: .2rem; }
dl + .wide { margin-top: 1rem; }
.lines { height: 6rem; background: repeating-linear-gradient(transparent 0 1.9rem, var(--line) 1.9rem 2rem); }
ul { padding-left: 1.2rem; } li { margin: .3rem 0; }
footer { margin-top: 2rem; font-size: .85rem; color: var(--quiet); }
@media print { :root { --ink: #000000; --quiet: #444444; --paper: #ffffff; --line: #bbbbbb; --band: #f3f5f8;
  --accent: #0072b2; } body { max-width: none; padding: 0; font-size: 10pt; } section { break-inside: auto; }
  tr { break-inside: avoid; } img { max-width: 11cm; } }
"""
