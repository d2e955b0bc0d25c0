"""Studies: a grid of cells, each of them run once with the programs of `steps/`, then a line of results.jsonl for good."""

import json
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from houseblend.base.errors import HouseBlendError, InputError
from houseblend.base.log import Progress
from houseblend.report.curves import read_rounds


class Study:
    """The grid and the results of a recipe's directory `study`.

    Attributes:
        grid: what `grid.json` holds.
        recipe: the recipe.
    """

    def __init__(self, here: Path) -> None:
        self.grid = json.loads((here / "grid.json").read_text())
        self.recipe = here.parent
        self._ledger = here / "results.jsonl"

    def results(self) -> list[dict]:
        """The finished cells' lines.

        Raises:
            InputError: a line cannot be read.
        """
        lines = self._ledger.read_text().splitlines() if self._ledger.exists() else []
        return [self._read(number, line) for number, line in enumerate(lines, start=1)]

    def _read(self, number: int, line: str) -> dict:
        try:
            return json.loads(line)
        except ValueError:
            raise InputError(
                f"cannot read {line[:60]!r}", file=self._ledger, line=number, expected="what a cell gave, in JSON",
                do="remove the line; its cell is run again",
            ) from None  # fmt: skip

    def run(self, cells: list[dict], run_cell: Callable[[dict], dict], jobs: int) -> None:
        """Run what is not finished, `jobs` cells at a time; the first failure is raised when all have ended."""
        done = [line["cell"] for line in self.results()]
        left = [cell for cell in cells if cell not in done]
        with Progress(len(left), "cells") as progress, ThreadPoolExecutor(jobs) as pool:
            for future in [pool.submit(self._run_one, cell, run_cell) for cell in left]:
                future.result()
                progress.add()

    def step(self, name: str, *words: object, work: Path) -> None:
        """Run the program `steps/name` in a work directory; its log goes to a file beside what it writes.

        Raises:
            HouseBlendError: it failed.
        """
        log = work / Path(str(words[-1])).with_suffix(".log")
        run_logged([sys.executable, self.recipe.parents[1] / "steps" / name, *words], work, log, name)

    def _run_one(self, cell: dict, run_cell: Callable[[dict], dict]) -> None:
        line = json.dumps({"cell": cell, **run_cell(cell)}, sort_keys=True)
        with open(self._ledger, "a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())


def run_logged(command: Sequence[object], work: Path, log: Path, name: str) -> None:
    """Run a command in a work directory, with all that it prints in a file; HouseBlendError with `name` if it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "w", encoding="utf-8") as file:
        status = subprocess.run(list(map(str, command)), cwd=work, stdout=file, stderr=file).returncode
    if status:
        raise HouseBlendError(f"{name} failed with status {status}", file=log, do="mend it, then run the study again")


def cell_name(cell: dict) -> str:
    """Name of a cell's directory."""
    return re.sub(r"[^\w.]+", "_", "_".join(str(value) for value in cell.values()))


def seconds(made: Path) -> dict[str, float]:
    """How long a step took, by the clock and in processors."""
    record = json.loads((made / ".done.json").read_text())
    return {key: record[key] for key in ("seconds", "cpu_seconds")}


def score(made: Path) -> dict:
    """Word error rate in % with its interval, and the errors."""
    value = json.loads((made / "score.json").read_text())
    return {key: value[key] for key in ("wer", "low", "high", "words", "insertions", "deletions", "substitutions")}


def spread(scores: Sequence[dict]) -> str:
    """For a table: the mean of the seeds' error rates, then each with its interval."""
    each = ", ".join(f"{one['wer']:.1f} ({one['low']:.1f} to {one['high']:.1f})" for one in scores)
    return f"**{statistics.mean(one['wer'] for one in scores):.2f}**: {each}"


def training(model: Path) -> dict:
    """Frames, objectives over frames, and what was computed on, from a DNN's ledger."""
    rounds = read_rounds(model)
    return {
        "frames": sum(report.frames for one in rounds for report in one.workers.values()),
        "curve": [
            [one.plan.position, one.measured.train_objective, one.measured.heldout_objective] for one in rounds
        ],
        "blends": sum(one.blends for one in rounds), "model_hash": rounds[-1].model_hash, "torch": rounds[-1].torch,
        "cpu": rounds[-1].cpu,
    }  # fmt: skip
