"""Many random faults: `python tests/fault/run_faults.py --events 200 --seed 1`; the table goes to docs/reliability.md."""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

from events import EVENTS, ImpossibleError, disturb
from small_setup import SmallSetup, WrongError


def main() -> None:
    """Draw the events, print a line each and the table; the status is 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="of kinds and moments")
    parser.add_argument("--kind", choices=sorted(EVENTS), help="this kind only")
    options = parser.parse_args()
    chance, began = random.Random(options.seed), time.monotonic()
    names, weights = list(EVENTS), [weight for _, weight in EVENTS.values()]
    setup = SmallSetup(Path(tempfile.mkdtemp(prefix="faults.")))
    print(f"in {setup.folder}; the undisturbed model is {setup.expected[:16]}", flush=True)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for number in range(options.events):
        name, seed = chance.choices(names, weights)[0], chance.randrange(1 << 30)
        outcome, detail = one_event(setup, options.kind or name, seed)
        counts[options.kind or name][outcome] += 1
        print(f"{number + 1} {options.kind or name} (seed {seed}): {outcome} {detail}".rstrip(), flush=True)
    print(f"{time.monotonic() - began:.0f} s\n{table(counts)}")
    sys.exit(any(count["wrong"] for count in counts.values()))


def one_event(setup: SmallSetup, name: str, seed: int) -> tuple[str, str]:
    """Outcome (one of the table's columns) and detail."""
    try:
        ended = disturb(setup, name, seed)
    except WrongError as wrong:
        return "wrong", str(wrong)
    except ImpossibleError as reason:
        return "skipped", str(reason)
    return ("same", ended) if ended in ("", "signal") else ("refused", ended)


def table(counts: dict[str, Counter[str]]) -> str:
    """The outcomes by kind, in Markdown."""
    columns = ("same", "refused", "wrong", "skipped")
    rows = [
        "| kind | events | same hash | named refusal, then same hash | wrong | not possible here |",
        "|---|---|---|---|---|---|",
    ]
    for name in [*(name for name in EVENTS if name in counts), "all"]:
        found = counts[name] if name != "all" else sum(counts.values(), Counter())
        rows.append(
            f"| {name} | {sum(found.values())} | " + " | ".join(str(found[column]) for column in columns) + " |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    main()
