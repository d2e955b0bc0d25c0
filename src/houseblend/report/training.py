"""What a page says of a training: its curves, who was blended and why not, and where the workers' time went."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise
from pathlib import Path

from houseblend.base.errors import InputError
from houseblend.base.fingerprint import LEDGER
from houseblend.parallel.ledger import Entry, finished, read_ledger
from houseblend.parallel.records import Refusal, RoundRecord
from houseblend.report.curves import training_charts
from houseblend.report.units import clock, counted, size_of

KINDS = {"training": 2, "reading": 6, "blending": 0, "waiting": 1, "evaluating": 3, "start": 5}
"""What workers report their seconds of, with the colour of each."""
REASONS = 40
"""Most that are told; the ledger has all."""
CELL, LONGEST, WORKER_WIDTH = 16, 420, 24


def training_body(folders: dict[str, Path]) -> str:
    """The part of a page for one step: charts of its trainings together, then each training's blends and seconds.

    Args:
        folders: directories with a ledger, by the training's name.
    """
    try:
        entries = {name: read_ledger(folder / LEDGER)[0] for name, folder in folders.items()}
    except InputError as failure:
        return f'<p class="bad">{escape(str(failure))}</p>'
    rounds = {name: finished(found) for name, found in entries.items() if finished(found)}
    charts = "".join(f"<figure>{chart.inline()}</figure>" for chart in training_charts(rounds)) if rounds else ""
    parts = [f'<div class="charts">{charts}</div>' if charts else "<p>No round is finished yet.</p>"]
    for name, found in entries.items():
        parts += [f"<h3>{escape(name)}</h3>"] if len(entries) > 1 else []
        parts += [_facts(rounds[name]) if name in rounds else "", _blended(found), _seconds(rounds.get(name, []))]
    return "".join(parts)


def _facts(rounds: Sequence[RoundRecord]) -> str:
    workers = sorted({len(one.workers) for one in rounds})
    frames = sum(report.frames for one in rounds for report in one.workers.values())
    facts = {
        "rounds": f"{len(rounds)}",
        "workers": f"{workers[0]}" if len(workers) == 1 else f"{workers[0]} to {workers[-1]}",
        "frames learnt": counted(frames),
        "blends": f"{sum(one.blends for one in rounds)}",
        "exchanged": size_of(sum(one.bytes for one in rounds)),
        "wall": clock(sum(one.seconds for one in rounds)),
        "learning rate": f"{rounds[0].plan.learning_rate:.3g} to {rounds[-1].plan.learning_rate:.3g}",
        "minibatch": f"{rounds[-1].plan.minibatch_size} frames",
        "exchange": ", ".join(dict.fromkeys(one.exchange for one in rounds)),
    }
    return '<dl class="facts">' + "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts.items()) + "</dl>"  # fmt: skip


def _blended(entries: Sequence[Entry]) -> str:
    """A sentence if all were; else a grid of rounds and workers, and the reasons."""
    rounds, reasons = finished(entries), list(reasons_of(entries))
    heading = "<h4>Who was blended</h4>"
    kept = all(len(set(one.weights.values())) == 1 for one in rounds)
    if not reasons and kept:
        if not rounds or max(len(one.workers) for one in rounds) == 1:
            return ""
        who = (
            f"All {len(rounds[-1].workers)} workers"
            if len({len(one.workers) for one in rounds}) == 1
            else "All workers"
        )
        return f"{heading}<p>{who} were in every blend of all {len(rounds)} rounds, with the same weight.</p>"
    told = "".join(f"<li>{escape(reason)}</li>" for reason in reasons[:REASONS])
    more = f"<li>and {len(reasons) - REASONS} more: see the ledger</li>" if len(reasons) > REASONS else ""
    keys = (("f2", "in the last blend, darker with more weight"), ("f6", "left out of some blends inside"),
            ("f4", "kept out of the last blend"))  # fmt: skip
    legend = "".join(f'<span><i class="dot {paint}"></i>{text}</span>' for paint, text in keys)
    everybody = "" if reasons else "<p>Nobody was kept out; the weights differ.</p>"
    return f'{heading}<p class="keys">{legend}</p>{_grid(rounds)}{everybody}<ul class="reasons">{told}{more}</ul>'


def reasons_of(entries: Sequence[Entry]) -> Iterator[str]:
    """In words, in order: each worker that was kept out of a blend and why, each attempt at a round that was refused."""
    for one in entries:
        inside: dict[tuple[int, str], list[int]] = defaultdict(list)
        for left in one.left_out:
            inside[left.worker, left.reason].append(left.blend)
        for (worker, reason), blends in inside.items():
            yield f"round {one.round}: worker {worker} was left out of {_counted(blends)} inside: {reason}"
        if isinstance(one, Refusal):
            why = "; ".join(f"worker {number}: {text}" if number else text for number, text in one.reason.items())
            yield f"round {one.round}, attempt {one.attempt}, was refused: {why}"
        else:
            for worker, reason in one.dropped.items():
                yield f"round {one.round}: worker {worker} was kept out of the last blend: {reason}"


def _counted(blends: Sequence[int]) -> str:
    """`blend 3`, `blends 3 to 7` or `5 blends from 3 to 40`."""
    if len(blends) == 1:
        return f"blend {blends[0]}"
    in_a_row = all(later == before + 1 for before, later in pairwise(blends))
    return f"{'blends' if in_a_row else f'{len(blends)} blends from'} {blends[0]} to {blends[-1]}"


def _grid(rounds: Sequence[RoundRecord]) -> str:
    """A row for each worker, a column for each round."""
    width = max(2.0, min(CELL, LONGEST / max(len(rounds), 1)))
    numbers = sorted({number for one in rounds for number in one.workers})
    cells = [
        f'<text x="{WORKER_WIDTH - 6}" y="{row * CELL + 12}" text-anchor="end">{number}</text>'
        for row, number in enumerate(numbers)
    ]
    for column, one in enumerate(rounds):
        heaviest = max(one.weights.values(), default=1.0) or 1.0
        inside = {left.worker: left.reason for left in one.left_out}
        for row, number in enumerate(numbers):
            if number not in one.workers:
                continue
            paint, opacity, told = "f2", 0.15 + 0.85 * one.weights.get(number, 0.0) / heaviest, "in the last blend"
            if number in one.dropped:
                paint, opacity, told = "f4", 1.0, f"kept out: {one.dropped[number]}"
            elif number in inside:
                paint, opacity, told = "f6", 1.0, f"left out of blends inside: {inside[number]}"
            cells.append(
                f'<rect class="{paint}" x="{WORKER_WIDTH + column * width:.1f}" y="{row * CELL}" width="{0.88 * width:.1f}" height="{CELL - 2}" '
                f'opacity="{opacity:.2f}"><title>{escape(f"round {one.round}, worker {number}: {told}")}</title></rect>'
            )
    across, down = round(WORKER_WIDTH + len(rounds) * width), len(numbers) * CELL
    return (
        f'<svg class="chart" role="img" aria-label="who was blended" viewBox="0 0 {across} {down}" '
        f'style="max-width:{1.4 * across:.0f}px">{"".join(cells)}</svg>'
        f'<p class="caption">a row for each worker, rounds 0 to {len(rounds) - 1} from left to right</p>'
    )


def _seconds(rounds: Sequence[RoundRecord]) -> str:
    """A bar for each worker: the shares of what it spent its time on."""
    spent: dict[int, dict[str, float]] = defaultdict(lambda: dict.fromkeys(KINDS, 0.0))
    for one in rounds:
        for number, report in one.workers.items():
            for kind in KINDS:
                spent[number][kind] += report.seconds.get(kind, 0.0)
    overall = {kind: sum(one[kind] for one in spent.values()) for kind in KINDS}
    total = sum(overall.values())
    if not total:
        return ""
    legend = "".join(
        f'<span><i class="dot f{KINDS[kind]}"></i>{kind} {seconds / total:.1%}</span>'
        for kind, seconds in overall.items()
        if seconds
    )
    bars = "".join(f"<tr><th>{number}</th><td>{_bar(one)}</td></tr>" for number, one in sorted(spent.items()))
    return f'<h4>Where the workers\u2019 time went</h4><p class="keys">{legend}</p><table class="bars">{bars}</table>{_staleness(rounds)}'


def _bar(spent: dict[str, float]) -> str:
    total = sum(spent.values()) or 1.0
    pieces = "".join(
        f'<i class="f{KINDS[kind]}" style="width:{100 * seconds / total:.2f}%" title="{kind} {seconds:.1f} s, {seconds / total:.1%}"></i>'
        for kind, seconds in spent.items()
        if seconds
    )
    return f'<div class="bar">{pieces}</div>'


def _staleness(rounds: Sequence[RoundRecord]) -> str:
    """How many pushes of others had come since a worker took; of asynchronous methods."""
    pushes: dict[int, int] = defaultdict(int)
    for one in rounds:
        for delay, count in one.staleness.items():
            pushes[delay] += count
    if not pushes:
        return ""
    most, total = max(pushes.values()), sum(pushes.values())
    rows = "".join(
        f'<tr><th>{delay}</th><td><div class="bar"><i class="f0" style="width:{100 * count / most:.2f}%"></i></div></td>'
        f"<td>{count / total:.1%}</td></tr>"
        for delay, count in sorted(pushes.items())
    )
    return f'<h4>Staleness: pushes of others since a worker took</h4><table class="bars">{rows}</table>'
