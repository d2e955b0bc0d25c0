"""What a page says of a decoding: word error rates with intervals, the words that go wrong, and the worst utterances."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from houseblend.decode.score import read_pairs, read_summary
from houseblend.decode.word_network import Pair

WORST = 10
"""Utterances that are shown whole."""
FREQUENT = 12
"""Words of each kind that are shown."""


@dataclass(frozen=True)
class Scored:
    """A score directory.

    Args:
        name: what the page calls it.
        summary: what `score.json` says of all utterances.
        pairs: alignments by utterance.
        report: the table of subsets and speakers of the hub5 protocol; empty where there is none.
    """

    name: str
    summary: Mapping[str, float]
    pairs: Mapping[str, Sequence[Pair]]
    report: str

    @property
    def rate(self) -> str:
        """The word error rate, in %."""
        return f"{self.summary['wer']:.2f}"

    @property
    def interval(self) -> str:
        """Its 95 % interval, in %."""
        return f"{self.summary['low']:.1f} to {self.summary['high']:.1f}"


def read_scored(name: str, folder: Path) -> Scored:
    """A score directory; InputError if it is none."""
    report = folder / "report"
    return Scored(name, read_summary(folder), read_pairs(folder), report.read_text() if report.is_file() else "")


def rates_table(scored: Sequence[Scored]) -> str:
    """A line for each: rate, interval, a picture of it on one scale, words, and errors by kind."""
    longest = 1.05 * max(max(one.summary["high"] for one in scored), 1.0)
    head = '<tr><th>decoding</th><th>WER %</th><th>95 %</th><th class="wide"></th><th>words</th><th>sub</th><th>del</th><th>ins</th></tr>'
    rows = []
    for one in scored:
        low, middle, high = (100 * one.summary[key] / longest for key in ("low", "wer", "high"))
        picture = f'<div class="range"><i style="left:{low:.2f}%;width:{high - low:.2f}%"></i><b style="left:{middle:.2f}%"></b></div>'
        counts = "".join(
            f"<td>{one.summary[key]:.0f}</td>" for key in ("words", "substitutions", "deletions", "insertions")
        )
        rows.append(
            f'<tr><th>{escape(one.name)}</th><td><strong>{one.rate}</strong></td><td class="interval">{one.interval}</td>'
            f'<td class="wide">{picture}</td>{counts}</tr>'
        )
    return f'<div class="scroll"><table class="rates">{head}{"".join(rows)}</table></div>'


def errors_body(one: Scored) -> str:
    """The most frequent errors, the worst utterances with their alignments, and the table of speakers if there is one."""
    table = (
        f"<details><summary>Subsets and speakers</summary><pre>{escape(one.report)}</pre></details>"
        if one.report
        else ""
    )
    return _frequent(one) + _worst(one) + table


def _frequent(one: Scored) -> str:
    """Words by kind of error, with how often."""
    found: dict[str, Counter[str]] = {"S": Counter(), "D": Counter(), "I": Counter()}
    for pair in (pair for pairs in one.pairs.values() for pair in pairs if pair.kind in found):
        sides = [side for side in (pair.reference, pair.hypothesis) if side is not None]
        found[pair.kind][" \u2192 ".join(sides)] += 1
    titles = {"S": "Taken for another", "D": "Missed", "I": "Made up"}
    lists = [
        f"<div><h4>{titles[kind]}</h4><ol>"
        + "".join(f"<li>{escape(words)} <span>{count}</span></li>" for words, count in counts.most_common(FREQUENT))
        + "</ol></div>"
        for kind, counts in found.items()
        if counts
    ]
    return f'<div class="frequent">{"".join(lists)}</div>'


def _worst(one: Scored) -> str:
    """Utterances with most errors, first those with more."""
    errors = {key: sum(pair.kind != "C" for pair in pairs) for key, pairs in one.pairs.items()}
    worst = sorted((key for key in errors if errors[key]), key=lambda key: -errors[key])[:WORST]
    if not worst:
        return "<p>No errors.</p>"
    shown = "".join(
        f"<h5>{escape(key)} <span>{_told(errors[key], one.pairs[key])}</span></h5>"
        f'<p class="alignment">{"".join(map(_pair, one.pairs[key]))}</p>'
        for key in worst
    )
    keys = '<span><i class="S">said<br>heard</i></span><span><i class="D">missed<br>\u2013</i></span><span><i class="I">\u2013<br>made up</i></span>'
    return f'<h4>The worst {len(worst)} of {len(errors)} utterances</h4><p class="alignment keys">{keys}</p>{shown}'


def _pair(pair: Pair) -> str:
    """The word that was said over the one that was heard; one word where they agree."""
    said, heard = (escape(side) if side is not None else "\u2013" for side in (pair.reference, pair.hypothesis))
    return f"<i>{said}</i>" if pair.kind == "C" else f'<i class="{pair.kind}">{said}<br>{heard}</i>'


def _told(errors: int, pairs: Sequence[Pair]) -> str:
    words = sum(pair.kind != "I" for pair in pairs)
    return f"{errors} error{'s' * (errors > 1)} in {words} word{'s' * (words != 1)}"
