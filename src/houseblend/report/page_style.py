"""The style sheet of a page, for wide and narrow screens; colours are those of `style.SURFACE`."""

from houseblend.report.style import FONT

PAGE = f"""
* {{ box-sizing: border-box; }}
html {{ -webkit-text-size-adjust: 100%; }}
body {{ margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 {FONT}; }}
header, main, footer {{ max-width: 76rem; margin: 0 auto; padding: 0 1.25rem; }}
header {{ padding-top: 2rem; }}
.house {{ margin: 0; color: var(--accent); font-weight: 600; letter-spacing: .04em; }}
h1 {{ font-size: 2.1rem; line-height: 1.15; margin: .1rem 0 0; overflow-wrap: anywhere; }}
h2 {{ font-size: 1.35rem; margin: 2.6rem 0 .8rem; }}
h3 {{ font-size: 1.1rem; margin: 1.6rem 0 .4rem; }}
h4 {{ font-size: 1rem; margin: 1.6rem 0 .4rem; }}
h5 {{ font-size: .9rem; margin: 1.1rem 0 .2rem; font-weight: 600; overflow-wrap: anywhere; }}
.place, footer, h5 span, summary span, .frequent span, th span, .interval {{ color: var(--muted); font-weight: 400; }}
.place {{ margin: .3rem 0 0; font-size: .9rem; overflow-wrap: anywhere; }}
nav {{ display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; margin-top: 1rem; padding-bottom: .8rem; border-bottom: 1px solid var(--grid); }}
a {{ color: var(--accent); text-decoration: none; }} a:hover {{ text-decoration: underline; }}
footer {{ margin-top: 3rem; padding-top: 1rem; padding-bottom: 2rem; font-size: .85rem; overflow-wrap: anywhere; }}
.tiles {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: .9rem; margin-top: 1.4rem; }}
.tiles div {{ background: var(--card); border-radius: .7rem; padding: .9rem 1.1rem; }}
.tiles b {{ display: block; font-size: 1.9rem; line-height: 1.2; font-weight: 650; }} .tiles small {{ font-size: 1.1rem; }}
.tiles span {{ color: var(--muted); font-size: .88rem; line-height: 1.35; display: block; overflow-wrap: anywhere; }}
details {{ border: 1px solid var(--grid); border-radius: .7rem; padding: .6rem 1rem; margin: .7rem 0; }}
details[open] {{ padding-bottom: 1.1rem; }}
summary {{ cursor: pointer; overflow-wrap: anywhere; }}
.charts {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 25rem), 1fr)); gap: 1.4rem 2.4rem; margin: 1rem 0; }}
figure {{ margin: 0; }} svg.chart {{ display: block; width: 100%; height: auto; }}
.facts {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .5rem 1rem; margin: 1rem 0; }}
dt {{ color: var(--muted); font-size: .8rem; }} dd {{ margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }}
.keys {{ display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; font-size: .85rem; margin: .3rem 0 .6rem; }}
.caption {{ color: var(--muted); font-size: .85rem; margin: .3rem 0; }}
.dot {{ display: inline-block; width: .75em; height: .75em; border-radius: 2px; margin-right: .4em; }}
.bar {{ display: flex; height: .95rem; min-width: 5rem; border-radius: 3px; overflow: hidden; background: var(--card); }} .bar i {{ display: block; }}
.scroll {{ overflow-x: auto; }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
th {{ text-align: left; font-weight: 500; }} th, td {{ padding: .3rem .7rem .3rem 0; vertical-align: middle; }}
td {{ white-space: nowrap; }} tr + tr {{ border-top: 1px solid var(--grid); }} .bars tr + tr {{ border: 0; }}
tr:first-child th {{ color: var(--muted); font-size: .85rem; }} .bars tr:first-child th,
.plain tr:first-child th {{ color: inherit; font-size: inherit; }}
.rates td, .pipeline td:nth-last-child(-n+2) {{ text-align: right; }} 
.rates th:not(:first-child), .pipeline th:nth-last-child(-n+2) {{ text-align: right; }}
.rates .wide, .pipeline .wide {{ width: 40%; text-align: left; padding-left: .3rem; }}
.bars th {{ width: 2.5rem; }} .bars td {{ padding: .15rem .5rem .15rem 0; }} .bars td + td {{ width: 4rem; }}
.pipeline th span {{ font-size: .85rem; }} .pipeline td, .pipeline th {{ line-height: 1.3; }} .plain {{ width: auto; }}
.range {{ position: relative; height: 1rem; background: var(--card); border-radius: 3px; min-width: 5rem; }}
.range i {{ position: absolute; top: .42rem; height: .16rem; background: var(--accent); }}
.range b {{ position: absolute; top: .2rem; width: .6rem; height: .6rem; margin-left: -.3rem; border-radius: 50%; background: var(--accent); }}
.state {{ font-size: .85rem; color: var(--muted); }} .failed, .unfinished, .bad {{ color: #c53a48; }} .stale, .running {{ color: #b7791f; }}
.wrong {{ border-left: 4px solid #c53a48; padding-left: 1rem; }} .wrong h2 {{ margin-top: 1.6rem; }}
pre {{ background: var(--card); border-radius: .5rem; padding: .8rem 1rem; overflow-x: auto; font-size: .82rem; line-height: 1.4; }}
ul, ol {{ padding-left: 1.3rem; margin: .3rem 0; }} .reasons {{ font-size: .9rem; }}
.frequent {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 13rem), 1fr)); gap: 0 2rem; font-size: .92rem; }}
.alignment {{ display: flex; flex-wrap: wrap; gap: .25rem .45rem; margin: .2rem 0; font-size: .95rem; line-height: 1.3; }}
.alignment i {{ font-style: normal; text-align: center; }}
.alignment .S, .alignment .D, .alignment .I {{ border-radius: .3rem; padding: 0 .35rem; border-bottom: 2px solid; }}
.alignment .S {{ background: #d0661b22; border-color: #d0661b; }} .alignment .D {{ background: #2b6cb022; border-color: #5a93cf; }}
.alignment .I {{ background: #8046b822; border-color: #9d6fd0; }} .alignment.keys {{ margin-bottom: .6rem; }} .keys i {{ display: inline-block; }}
@media (max-width: 40rem) {{
  header {{ padding-top: 1.2rem; }} h1 {{ font-size: 1.6rem; }} header, main, footer {{ padding-left: .9rem; padding-right: .9rem; }}
  details {{ padding-left: .7rem; padding-right: .7rem; }} .tiles {{ grid-template-columns: 1fr 1fr; gap: .6rem; }}
  .tiles div {{ padding: .7rem .8rem; }}
  .tiles b {{ font-size: 1.4rem; }} .rates .wide {{ width: auto; }}
  .pipeline .wide {{ display: none; }}
  .rates tr {{ display: grid; grid-template-columns: 1fr auto auto; padding: .25rem 0; }}
  .rates td:nth-child(n+5), .rates th:nth-child(n+4) {{ display: none; }}
  .rates td.wide {{ grid-column: 1 / -1; padding: 0 0 .2rem; }} .rates th, .rates td {{ overflow-wrap: anywhere; }}
  th, td {{ padding-right: .5rem; }} .rates, .pipeline {{ font-size: .92rem; }}
}}
"""
