// The style sheet of a report: one column of boxes on a phone, up to four on a wide screen; light and dark.
//
// Pictures are drawn 300 units wide, about what a phone shows; text in those of wide boxes has fewer units.
// Colours of series are Okabe and Ito's, darkened or lightened until they stand out against the page by 3:1 at
// least; text does so by 4.5:1. Units inside pictures are the pictures' own, so they scale with their box.
#pragma once

#include <string_view>

inline constexpr std::string_view page_style = R"css(
:root {
  color-scheme: light dark;
  --page: #fff; --ink: #1b1e21; --soft: #5a6067; --rule: #d9dcdf; --link: #0a5c9c;
  --c0: #71777d; --c1: #0072b2; --c2: #d05a00; --c3: #00875f; --c4: #a34d85; --c5: #856a00;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #16191c; --ink: #e3e6e8; --soft: #a2a9b0; --rule: #3a4046; --link: #7fbdf0;
    --c0: #969da4; --c1: #5cb0ea; --c2: #f08c42; --c3: #35c092; --c4: #d795c0; --c5: #d2ae3c;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 78rem; background: var(--page); color: var(--ink);
  font: 0.9375rem/1.5 system-ui, -apple-system, "Segoe UI", "Liberation Sans", Arial, sans-serif;
  font-variant-numeric: tabular-nums lining-nums; overflow-wrap: anywhere;
}
h1 { margin: 0 0 0.25rem; font-size: 1.5rem; line-height: 1.25; }
h2 { margin: 2.25rem 0 0.5rem; padding-bottom: 0.25rem; border-bottom: 1px solid var(--rule); font-size: 1.125rem; }
h3 { margin: 0; font-size: 0.9375rem; }
p { margin: 0 0 0.5rem; max-width: 46rem; }
.soft, footer { color: var(--soft); }
a { color: var(--link); }
footer { margin-top: 3rem; font-size: 0.8125rem; }

.options { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.25rem, 1fr)); gap: 0 1.25rem; margin: 0.5rem 0;
  font-size: 0.8125rem; line-height: 1.4; }
.options div {
  display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 0.5rem; padding: 0.15rem 0;
  border-bottom: 1px solid var(--rule);
}
.options .long { grid-column: 1 / -1; }
@media (min-width: 26rem) { .options .long { grid-column: span 2; } }
dt { color: var(--soft); }
dd { margin: 0; }

.panels { display: grid; gap: 1.5rem 1.5rem; margin: 1rem 0; }
.bars { grid-template-columns: minmax(0, 1fr); }
@media (min-width: 40rem) { .bars { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
@media (min-width: 78rem) { .bars { grid-template-columns: repeat(4, minmax(0, 1fr)); } }
.curves { grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); }
figure { margin: 0; max-width: 26rem; display: grid; grid-row: span 2; grid-template-rows: subgrid; gap: 0.375rem; }
figcaption p { margin: 0; color: var(--soft); font-size: 0.8125rem; line-height: 1.35; }
svg { display: block; width: 100%; height: auto; }
text { fill: var(--ink); font-size: 12px; }
.title { font-weight: 600; paint-order: stroke; stroke: var(--page); stroke-width: 4px; stroke-linejoin: round; }
.tick { fill: var(--soft); font-size: 11px; }
.curves text { font-size: 11px; }
.middle { text-anchor: middle; }
.end, .number { text-anchor: end; }
.grid { fill: none; stroke: var(--rule); stroke-width: 1; }
.touch { fill: none; pointer-events: all; }
.bar.c0, .mark.c0 { fill: var(--c0); } .bar.c1, .mark.c1 { fill: var(--c1); } .bar.c2, .mark.c2 { fill: var(--c2); }
.bar.c3, .mark.c3 { fill: var(--c3); } .bar.c4, .mark.c4 { fill: var(--c4); } .bar.c5, .mark.c5 { fill: var(--c5); }
.thin, .line, .sign { fill: none; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }
.thin { stroke-width: 0.9; stroke-opacity: 0.6; }
.sign { stroke-width: 2; }
.c0 { stroke: var(--c0); } .c1 { stroke: var(--c1); } .c2 { stroke: var(--c2); }
.c3 { stroke: var(--c3); } .c4 { stroke: var(--c4); } .c5 { stroke: var(--c5); }
.bar { stroke: none; }
.interval { fill: none; stroke-width: 1.2; }
.interval:not([class*=" c"]) { stroke: var(--ink); }
.worst { fill: var(--page); stroke: var(--ink); stroke-width: 1.2; }
.published { fill: var(--page); fill-opacity: 0.85; stroke: var(--ink); stroke-width: 1.3; }

.legend { display: flex; flex-wrap: wrap; gap: 0.125rem 1.25rem; margin: 0.5rem 0; padding: 0; list-style: none; font-size: 0.8125rem; }
.legend li { display: flex; align-items: center; gap: 0.4rem; }
.legend svg { flex: none; width: 1.75rem; }

.scroll { overflow-x: auto; max-width: 100%; margin: 0 0 1.25rem; }
.scroll:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
table { border-collapse: collapse; font-size: 0.8125rem; line-height: 1.4; }
.caption { margin: 1rem 0 0.375rem; color: var(--soft); font-size: 0.8125rem; }
th, td { padding: 0.15rem 0.875rem 0.15rem 0; text-align: left; vertical-align: baseline; white-space: nowrap; overflow-wrap: normal; }
th { font-weight: 600; }
thead th { border-bottom: 1px solid var(--soft); vertical-align: bottom; }
tbody { border-bottom: 1px solid var(--rule); }
tbody th { font-weight: 400; }
th[scope="rowgroup"] { min-width: 6.5rem; font-weight: 600; }
.name {
  position: sticky; left: 0; max-width: 7rem; background: var(--page); white-space: normal;
  overflow-wrap: anywhere;
}
.n { text-align: right; }
@media (min-width: 40rem) { body { padding: 2rem 2rem 4rem; } .name { max-width: 16rem; } .curves text { font-size: 10px; } }
@media print {
  body { max-width: none; padding: 0; font-size: 9pt; }
  figure, tr, .options div { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .scroll { overflow: visible; }
  table { font-size: 7.5pt; }
  th, td { padding-right: 0.5rem; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
)css";
