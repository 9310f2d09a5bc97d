/**
 * The report's one style sheet. Light, dark and paper share every rule but the colours. What is long is laid out when
 * it comes into view (`content-visibility`); what is wide scrolls in its own region, the page never sideways.
 */
export const STYLE = `
:root{color-scheme:light dark;--page:#fff;--raised:#f5f6f8;--line:#d3d8df;--text:#1a1e24;--quiet:#565f6c;--link:#0b4f96;--good:#1a6a3b;--warn:#874a00;--bad:#b0221b;--bar:#2e6fb7;--soak:#b0730a;--period:#e9eff7;--focus:#0b4f96}
@media (prefers-color-scheme:dark){:root{--page:#13161a;--raised:#1b1f25;--line:#39414c;--text:#e5e8ec;--quiet:#a2abb8;--link:#8dbcf3;--good:#7fd09c;--warn:#eeb55f;--bad:#ff9d94;--bar:#6aa5e6;--soak:#e0a33c;--period:#1d2733;--focus:#8dbcf3}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;padding:1.5rem clamp(.75rem,2.5vw,2.5rem) 3rem;background:var(--page);color:var(--text);font:.875rem/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",sans-serif;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
header,main,footer{max-width:96rem;margin-inline:auto}
main:focus{outline:none}
section,article,details{scroll-margin-top:1.75rem}
h1{font-size:1.625rem;line-height:1.2;margin:0 0 .375rem;letter-spacing:-.01em}
h2{font-size:1.25rem;line-height:1.25;margin:2.5rem 0 .25rem;padding-top:.625rem;border-top:2px solid var(--text)}
h3{font-size:1rem;line-height:1.3;margin:2rem 0 .375rem}
p{margin:.375rem 0;max-width:46rem}
a{color:var(--link);text-underline-offset:.15em}
:focus-visible{outline:2px solid var(--focus);outline-offset:2px}
code,.code{font:.8125rem/1.45 ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace}
small{display:block;font-size:.75rem;line-height:1.4;color:var(--quiet)}
ul,ol{margin:0;padding:0;list-style:none}
.good,.warn,.bad{font-weight:600}
.good{color:var(--good)}.warn{color:var(--warn)}.bad{color:var(--bad)}.quiet{color:var(--quiet)}
.numbers{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));margin:.75rem 0;padding:0 1px 1px 0}
.numbers div{padding:.5rem .75rem .625rem;border:1px solid var(--line);margin:0 -1px -1px 0}
.numbers dt{font-size:.8125rem;color:var(--quiet)}
.numbers dd{margin:0;font-size:1.25rem;line-height:1.3;font-weight:600}
.jump{position:absolute;left:-999rem;top:.5rem;padding:.5rem .75rem;background:var(--page);border:1px solid var(--line)}
.jump:focus{left:.75rem;z-index:3}
.skip{height:0;margin:0;overflow:hidden}
.skip:focus-within{height:auto;overflow:visible}
nav{margin-top:1rem;padding:.625rem 0;border-block:1px solid var(--line)}
nav>ul>li{display:flex;flex-wrap:wrap;gap:.125rem 1rem}
nav>ul>li+li{margin-top:.25rem}
nav>ul>li>a{min-width:8rem}
nav ul ul{display:flex;flex-wrap:wrap;gap:.125rem 1rem}
nav a{display:inline-block;padding-block:.125rem}
.scroll{overflow-x:auto;margin:.5rem 0 1rem;border-top:1px solid var(--line);border-bottom:1px solid var(--line)}
.scroll:focus-visible{outline-offset:-2px}
table{border-collapse:collapse;width:100%;font-size:.8125rem;line-height:1.4;overflow-wrap:normal}
caption span{display:inline-block;position:sticky;left:.5rem;max-width:calc(100vw - 3rem)}
caption{text-align:left;padding:.5rem;color:var(--quiet);font-size:.8125rem}
th,td{text-align:left;vertical-align:top;padding:.3125rem .5rem;border-top:1px solid var(--line);min-width:3.25rem}
thead th{background:var(--raised);font:inherit;font-weight:600;vertical-align:bottom}
tbody th{font-weight:600;min-width:9rem;max-width:22rem;overflow-wrap:anywhere;background:var(--page)}
tr>:first-child{position:sticky;left:0;z-index:1}
td.words{min-width:9.5rem;max-width:30rem}
tbody th small{font-weight:400}
tbody tr:hover>*{background:var(--raised)}
.inventory{table-layout:fixed;min-width:84rem}
.inventory td,.inventory th{overflow-wrap:anywhere;max-width:none}
.inventory th:nth-child(1){width:12.75%}
.inventory th:nth-child(2){width:5%}
.inventory th:nth-child(3){width:10.5%}
.inventory th:nth-child(4){width:7.5%}
.inventory th:nth-child(5){width:7.5%}
.inventory th:nth-child(6){width:8.5%}
.inventory th:nth-child(7){width:12.5%}
.inventory th:nth-child(8){width:7.5%}
.inventory th:nth-child(9){width:8.75%}
.inventory th:nth-child(10){width:8.5%}
.inventory th:nth-child(11){width:11%}
.long{content-visibility:auto;contain-intrinsic-size:auto 400rem}
.number{text-align:right;white-space:nowrap}
.tight{white-space:nowrap}
tbody .code{max-width:26rem;overflow-wrap:anywhere;font-weight:400}
.facts{margin:.5rem 0 1rem;max-width:60rem}
.facts div{display:grid;grid-template-columns:minmax(7rem,15rem) 1fr;gap:0 1rem;padding:.25rem 0;border-top:1px solid var(--line)}
.facts div:last-child{border-bottom:1px solid var(--line)}
.facts dt{color:var(--quiet)}
.facts dd{margin:0}
.legend{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;margin:.75rem 0;font-size:.8125rem}
.legend li{display:flex;align-items:center;gap:.5rem}
.defs{position:absolute;width:0;height:0}
.lives{border-bottom:1px solid var(--line)}
.axis,.life>summary{display:grid;grid-template-columns:minmax(14rem,22rem) 1fr;gap:0 1rem}
.axis{position:sticky;top:0;z-index:2;background:var(--page);border-bottom:1px solid var(--line);padding:0 .25rem 0 1.375rem}
.axis svg{display:block;width:100%;height:1.25rem}
.axis text{fill:var(--quiet);font-size:.75rem}
.life,.entry{content-visibility:auto;border-top:1px solid var(--line)}
.life{contain-intrinsic-size:auto 2.75rem}
.entry{contain-intrinsic-size:auto 1.9375rem}
summary{cursor:pointer;list-style:none;position:relative;padding:.3125rem .25rem .3125rem 1.375rem}
summary::-webkit-details-marker{display:none}
summary::before{content:"";position:absolute;left:.375rem;top:.6875rem;width:.375rem;height:.375rem;border:solid var(--quiet);border-width:0 1.5px 1.5px 0;rotate:-45deg}
[open]>summary::before{rotate:45deg}
summary:hover{background:var(--raised)}
summary:focus-visible{outline-offset:-2px}
.life>summary{align-items:center}
.name{font-weight:600}
.life .name{align-self:end}
.sum{grid-row:2;align-self:start;font-size:.75rem;line-height:1.3;color:var(--quiet)}
.life>summary>svg{grid-column:2;grid-row:1/span 2;display:block;width:100%;height:22px}
svg path{fill:none;vector-effect:non-scaling-stroke}
.current{stroke:var(--bar);stroke-width:7}
.soak{stroke:var(--soak);stroke-width:3}
.soaked{stroke:var(--text);stroke-width:1.5}
.undone{stroke:var(--warn);stroke-width:7;stroke-linecap:square}
.compromised{stroke:var(--bad);stroke-width:9;stroke-linecap:round}
.grid{stroke:var(--line);stroke-width:1}
.now{stroke:var(--quiet);stroke-width:1;stroke-dasharray:3 2}
.period{fill:var(--period)}
.versions{padding:.25rem .5rem .75rem 1.375rem;font-size:.8125rem}
.versions ol{columns:27rem;column-gap:2rem}
.versions ol.proofs{columns:auto;list-style:decimal;padding-left:1.5rem}.versions .proofs li{padding:0;text-indent:0}
.versions li{break-inside:avoid;padding-left:2.25rem;text-indent:-2.25rem}
.versions p{color:var(--quiet)}
.entries{border-bottom:1px solid var(--line)}
.entry>summary{display:flex;flex-wrap:wrap;gap:0 1rem}
.entry>summary>*{flex:0 1 11rem}
.entry>summary>.name{flex-basis:2.5rem;text-align:right}
.entry>summary>.who{flex:1 1 14rem}
.who{color:var(--quiet)}
.body{padding:.25rem 0 1rem 1.375rem}
td ul{display:grid;gap:.0625rem}
footer{margin-top:3rem;color:var(--quiet);border-top:1px solid var(--line)}
.print{display:none}
@media (max-width:64rem){.minor{display:none}}
@media (max-width:48rem){
.axis,.life>summary{grid-template-columns:minmax(0,1fr)}
.axis>span{display:none}
.life>summary>svg{grid-column:1;grid-row:auto;margin-top:.25rem}
.life{contain-intrinsic-size:auto 4.75rem}
.entry>summary>*{flex-basis:auto}
.entry>summary>.name{text-align:left;flex-basis:auto}
.entry>summary>.who{flex-basis:100%}
.entry{contain-intrinsic-size:auto 4.5rem}
.facts div{grid-template-columns:minmax(0,1fr)}
tbody th{min-width:7rem;max-width:9rem}
.inventory{min-width:78rem}
td.words{min-width:15rem}
.numbers{grid-template-columns:repeat(2,1fr)}
.body{padding-left:0}
}
@media print{
:root{color-scheme:light;--page:#fff;--raised:#fff;--line:#b9bfc8;--text:#000;--quiet:#454c57;--link:#000;--good:#1a6a3b;--warn:#874a00;--bad:#b0221b;--bar:#2e6fb7;--soak:#b0730a;--period:#e9eff7}
@page{size:landscape;margin:12mm}
html{font-size:12px}
body{padding:0}
header,main,footer{max-width:none}
nav,.jump,.skip{display:none}
.print{display:block}
.axis{position:static}
.scroll{overflow:visible}
caption span,tr>:first-child{position:static;max-width:none}
.inventory{min-width:0}
thead{display:table-header-group}
tr,.life,.legend,.numbers,.facts div{break-inside:avoid}
.life[open]{break-inside:auto}
h1,h2,h3,caption,summary{break-after:avoid}
article{break-before:page}
.life,.entry,.long{content-visibility:visible}
.entry::details-content{content-visibility:visible;display:block;height:auto}
a{text-decoration:none}
.period,svg path{print-color-adjust:exact}
}
@media (prefers-reduced-motion:reduce){*{scroll-behavior:auto!important;transition:none!important;animation:none!important}}
`;
