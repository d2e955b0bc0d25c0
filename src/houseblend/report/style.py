"""The one look of all pages and figures: colours for light and dark surroundings, and the CSS of charts."""

PALETTE = (
    ("#2b6cb0", "#7ab8f5"), ("#d0661b", "#f2a061"), ("#2f855a", "#74d3a0"), ("#8046b8", "#c09af2"),
    ("#c53a48", "#f58a92"), ("#0f8494", "#62cbd8"), ("#97721a", "#dcb960"), ("#b04a87", "#ea94c8"),
)  # fmt: skip
"""Colours of curves, for light and for dark surroundings; whoever needs more begins again."""
SURFACE = {
    "paper": ("#fdfcfa", "#17130f"), "card": ("#f5f1ec", "#211b16"), "ink": ("#2a211b", "#ece4dc"),
    "muted": ("#75675c", "#a89a8d"), "grid": ("#e4dcd3", "#3a3029"), "accent": ("#7a4a2b", "#d9a57e"),
}  # fmt: skip
"""Colours of everything else."""
DASHES = {"solid": "", "dashed": "6 4", "faint": ""}
"""Styles of curves."""
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
CHART = f"""
.chart {{ font: 12px {FONT}; }}
.chart .title {{ font-weight: 600; font-size: 13px; }}
.chart .curve {{ fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }}
.chart .dashed {{ stroke-dasharray: {DASHES["dashed"]}; stroke-width: 1.6; }}
.chart .faint {{ stroke-width: 1; opacity: .7; }}
.chart .span {{ stroke-width: 1.4; }}
"""


def css(page: str = "") -> str:
    """The style sheet of charts, with colours that follow `prefers-color-scheme`.

    Args:
        page: what else stands in it; `var(--ink)` and the other names of SURFACE are colours there.
    """
    dark = f"@media (prefers-color-scheme: dark) {{\n{_colors(1)}}}\n"
    return f"{CHART}{_colors(0)}{dark}{page}"


def _colors(side: int) -> str:
    """Rules for light (0) or dark (1). No variables inside charts: not all that shows SVG knows them."""
    surface = {name: pair[side] for name, pair in SURFACE.items()}
    curves = "".join(
        f".l{number} {{ stroke: {pair[side]}; }} .f{number} {{ fill: {pair[side]}; background: {pair[side]}; }}\n"
        for number, pair in enumerate(PALETTE)
    )
    variables = " ".join(f"--{name}: {color};" for name, color in surface.items())
    return (
        f":root {{ color-scheme: {('light', 'dark')[side]}; {variables} }}\n{curves}"
        f".lm {{ stroke: {surface['muted']}; }} .fm {{ fill: {surface['muted']}; background: {surface['muted']}; }}\n"
        f".chart text {{ fill: {surface['muted']}; }} .chart .title, .chart .key {{ fill: {surface['ink']}; }}\n"
        f".chart .grid {{ stroke: {surface['grid']}; }} .chart .paper {{ fill: {surface['paper']}; }}\n"
    )
