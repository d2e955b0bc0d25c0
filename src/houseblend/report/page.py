"""`hb report`: one static page that tells how an experiment, or a whole work directory, was made and what came of it.

It needs no other file, no network and no script.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path

from houseblend import __version__
from houseblend.base.atomic import write_text
from houseblend.base.errors import InputError
from houseblend.base.fingerprint import LEDGER
from houseblend.report.curves import trainings
from houseblend.report.errors import Scored, errors_body, rates_table, read_scored
from houseblend.report.late import rounds_in
from houseblend.report.page_style import PAGE
from houseblend.report.status import StepState, lineage, state_of, step_directories
from houseblend.report.style import css
from houseblend.report.training import training_body
from houseblend.report.units import clock, counted, objective
from houseblend.report.why import account, command_of

WRONG = ("failed", "unfinished", "stale")


@dataclass(frozen=True)
class _Part:
    """What is folded away under a line: a training, or the errors of a decoding."""

    name: str
    said: str
    body: str


def write_page(place: Path, target: Path) -> None:
    """Write the page of a step's directory (with what it was made of, and what was made of it) or of a whole work directory.

    What cannot be read is named in its place; the rest of the page stands.

    Raises:
        InputError: no step has written at `place`.
    """
    folders, base = steps_of(place)
    states = [state_of(folder) for folder in folders]
    names = {folder: os.path.relpath(os.path.realpath(folder), base) for folder in folders}
    scored, unread = _scored(folders, names)
    parts = _trainings(states, names)
    sections = {
        "Word error rates": (rates_table(scored) if scored else "") + "".join(unread),
        "Training": _folded(parts),
        "What goes wrong": _folded([_Part(one.name, f"{one.rate} % word errors", errors_body(one)) for one in scored]),
        "Pipeline": _pipeline(states, names),
        "Made with": _made_with(states, names),
    }
    title = place.resolve().name
    write_text(target, _page(title, str(place.resolve()), _tiles(states, scored), _wrong(states), sections))


def steps_of(place: Path) -> tuple[list[Path], str]:
    """The directories that a report on `place` is about, in the order of the pipeline, and from where they are named."""
    folders = step_directories(place)
    if folders != [place]:
        return folders, os.path.realpath(place)
    folders = lineage(place)
    return folders, os.path.commonpath([os.path.dirname(os.path.realpath(folder)) for folder in folders])


def _page(title: str, place: str, tiles: str, wrong: str, sections: dict[str, str]) -> str:
    there = {name: body for name, body in sections.items() if body}
    links = "".join(f'<a href="#{_anchor(name)}">{name}</a>' for name in there)
    bodies = "".join(f'<section id="{_anchor(name)}"><h2>{name}</h2>{body}</section>\n' for name, body in there.items())
    written = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{escape(title)} \u2013 House Blend</title>\n<style>{css(PAGE)}</style></head>\n<body>"
        f'<header><p class="house">House Blend</p><h1>{escape(title)}</h1><p class="place">{escape(place)}</p><nav>{links}</nav></header>\n'
        f"<main>{tiles}{wrong}{bodies}</main>\n<footer>hb report {escape(place)}<br>{written}, House Blend {__version__}</footer></body></html>\n"
    )  # fmt: skip


def _anchor(name: str) -> str:
    return name.lower().replace(" ", "-")


def _tiles(states: Sequence[StepState], scored: Sequence[Scored]) -> str:
    """What one wants to know first."""
    tiles = [
        (f"{one.rate}<small> %</small>", f"WER, {escape(Path(one.name).name)}<br>{one.interval}") for one in scored[-2:]
    ]
    trained = [
        (folder, rounds) for state in states for folder in trainings(state.folder).values() if (rounds := rounds_in(folder))
    ]  # fmt: skip
    for folder, rounds in trained[-1:]:
        frames = sum(one.plan.frames for one in rounds)
        told = f"held-out objective, {escape(folder.name)}<br>{len(rounds)} rounds, {counted(frames)} frames"
        tiles.append((objective(rounds[-1].measured.heldout_objective), told))
    done = sum(state.kind == "done" for state in states)
    spent = [sum(float(state.record.get(key) or 0) for state in states) for key in ("seconds", "cpu_seconds")]
    tiles.append((clock(spent[0]), f"in {len(states)} steps, {done} of them done<br>{clock(spent[1])} of processors"))
    return '<div class="tiles">' + "".join(f"<div><b>{number}</b><span>{told}</span></div>" for number, told in tiles) + "</div>"  # fmt: skip


def _wrong(states: Sequence[StepState]) -> str:
    """What has failed, with its log and what to do; what is stale."""
    accounts = "".join(f"<pre>{escape(account(state))}</pre>" for state in states if state.kind in WRONG[:2])
    stale = "".join(f"<li>{escape(str(state))}</li>" for state in states if state.kind == "stale")
    body = accounts + (f"<ul>{stale}</ul>" if stale else "")
    return f'<section class="wrong"><h2>Not as it should be</h2>{body}</section>' if body else ""


def _scored(folders: Sequence[Path], names: dict[Path, str]) -> tuple[list[Scored], list[str]]:
    scored, unread = [], []
    for folder in folders:
        if (folder / "score.json").exists():
            try:
                scored.append(read_scored(names[folder], folder))
            except InputError as failure:
                unread.append(f'<p class="bad">{escape(str(failure))}</p>')
    return scored, unread


def _trainings(states: Sequence[StepState], names: dict[Path, str]) -> list[_Part]:
    parts = []
    for state in states:
        folders = {name: folder for name, folder in trainings(state.folder).items() if (folder / LEDGER).exists()}
        if folders:
            rounds = rounds_in([*folders.values()][-1])
            said = (
                f"held out {objective(rounds[-1].measured.heldout_objective)} after {len(rounds)} rounds"
                if rounds
                else state.kind
            )
            parts.append(_Part(names[state.folder], said, training_body(folders) + _options(state)))
    return parts


def _folded(parts: Sequence[_Part]) -> str:
    """A line for each, under which the rest is found; that of the last is open."""
    return "".join(
        f"<details{' open' * (part is parts[-1])}><summary><b>{escape(part.name)}</b> <span>{escape(part.said)}</span></summary>{part.body}</details>"
        for part in parts
    )


def _options(state: StepState) -> str:
    """The command, and the value of every option."""
    rows = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(str(value))}</dd></div>"
        for name, value in state.record.get("options", {}).items()
    )
    command = escape(command_of(state.folder, state.record))
    return f'<details><summary>Command and options</summary><pre>{command}</pre><dl class="facts">{rows}</dl></details>'


def _pipeline(states: Sequence[StepState], names: dict[Path, str]) -> str:
    """A line for each step: how it stands, what it wrote, how long it took."""
    longest = max(float(state.record.get("seconds") or 0) for state in states) or 1.0
    rows = []
    for state in states:
        wall, cpu = (float(state.record.get(key) or 0) for key in ("seconds", "cpu_seconds"))
        bar = f'<div class="bar"><i class="f0" style="width:{100 * wall / longest:.2f}%"></i></div>'
        times = f"<td>{clock(wall)}</td><td>{clock(cpu)}</td>" if state.kind == "done" or wall else "<td></td><td></td>"
        step = escape(str(state.record.get("step", "")))
        rows.append(
            f'<tr><td class="state {state.kind}">{state.kind}</td><th>{escape(names[state.folder])}<br><span>{step}</span></th>'
            f'<td class="wide">{bar}</td>{times}</tr>'
        )
    head = '<tr><th></th><th>step</th><th class="wide"></th><th>wall</th><th>processors</th></tr>'
    return f'<div class="scroll"><table class="pipeline">{head}{"".join(rows)}</table></div>'


def _made_with(states: Sequence[StepState], names: dict[Path, str]) -> str:
    """Versions and kernels, each with where it was used."""
    used: dict[tuple[str, str], list[str]] = {}
    for state in states:
        if "houseblend" in state.record:
            used.setdefault(("House Blend", state.record["houseblend"]), []).append(names[state.folder])
        for folder in trainings(state.folder).values():
            for one in rounds_in(folder):
                for what, value in (("torch", one.torch), ("processor\u2019s kernels", one.cpu)):
                    used.setdefault((what, value), []).append(names[state.folder])
    rows = "".join(
        f"<tr><th>{what}</th><td>{escape(value)}</td><td>{escape(_where(places, len(states)))}</td></tr>"
        for (what, value), places in used.items()
    )
    return f'<table class="plain">{rows}</table>' if rows else ""


def _where(places: Sequence[str], steps: int) -> str:
    different = list(dict.fromkeys(places))
    if len(different) == steps:
        return "all steps"
    return ", ".join(different) if len(different) < 4 else f"{len(different)} steps"
