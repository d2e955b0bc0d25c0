"""The rates of --schedule=xu for a network and its data, by trials on a part of them (Xu 2011, arXiv 1107.2490)."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from houseblend.base.atomic import write_text
from houseblend.base.errors import HouseBlendError
from houseblend.base.log import log
from houseblend.base.options import chosen
from houseblend.frames.store import FrameStore
from houseblend.parallel.options import DnnOptions, ExchangeOptions, TrialOptions
from houseblend.parallel.rounds import RoundRefusedError
from houseblend.parallel.train_dnn import train_rounds

ROUNDS = 10
"""Of a trial; the rate falls from one to the next."""
LONGER = 4
"""A trial of the decay has so many times the frames of one of the rate."""
MOST_STEPS = 8
"""Times that a rate is doubled, or halved."""
FALLS = (0.0, 1.0, 3.0, 10.0)
"""Tried values of a gamma_0 T, where T are the frames of a trial: at its end the rate is (1 + that)^-c of the first."""


def find_rates(frames: Path, out: Path, values: Mapping[str, Any]) -> None:
    """Write rates.conf.

    Args:
        frames: the frame store.
        out: directory to write; a trial that is there is not run again.
        values: options of the training by name, and `TrialOptions`; the initial rate is where the search begins.

    Raises:
        InputError, UsageError: bad data or options.
        HouseBlendError: no rate gave a model.
    """
    length, whole = chosen(TrialOptions, values).trial_frames, FrameStore(frames).subset("train").num_frames

    execution = chosen(ExchangeOptions, values)

    def trial(rate: float, decay: float, count: int) -> float:
        """Held-out objective of the model after so many frames; minus infinity if there is none."""
        place = out / "trials" / f"{rate:.3g}_{decay:.3g}_{count}"
        place.mkdir(parents=True, exist_ok=True)
        mine = {
            **values, "schedule": "xu", "num_epochs": count / whole, "initial_effective_lrate": rate, "rate_decay": decay,
            "frames_per_round": max(count // (ROUNDS * values["final_workers"]), 1),
        }  # fmt: skip
        try:
            _, rounds = train_rounds(frames, place, DnnOptions.of(mine, whole), execution, out / "transform.mat")
            objective = rounds[-1].measured.heldout_objective
        except RoundRefusedError as failure:
            log(str(failure))
            objective = -math.inf
        log(f"rate {rate:.3g}, decay {decay:.3g}: {objective:.4f} held out after {count} frames")
        return objective

    rate = climb(lambda rate: trial(rate, 0.0, length), values["initial_effective_lrate"])
    longer = LONGER * length
    decays = [fall / (rate * longer) for fall in FALLS]
    decay = max(decays, key=lambda decay: trial(rate, decay, longer))
    write_text(out / "rates.conf", f"--schedule=xu\n--initial-effective-lrate={rate:.6g}\n--rate-decay={decay:.6g}\n")
    log(f"rates.conf: rate {rate:.3g}, decay {decay:.3g}")


def climb(score: Callable[[float], float], start: float) -> float:
    """The best of start times powers of two, if scores rise to it and fall after it: up while that helps, else down.

    Raises:
        HouseBlendError: none has a finite score.
    """
    best, reached = start, score(start)
    for factor in (2.0, 0.5):
        before = best
        for _ in range(MOST_STEPS):
            found = score(best * factor)
            if found <= reached and (factor > 1 or reached > -math.inf):
                break
            best, reached = best * factor, found
        if best != before:
            break
    if reached == -math.inf:
        raise HouseBlendError("no rate gave a model", do=f"begin far below --initial-effective-lrate={start:g}")
    return best
