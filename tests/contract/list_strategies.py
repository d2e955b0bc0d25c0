"""Writes what docs/strategies.md takes from the code: each strategy's update, and what it sends and keeps, counted as it runs."""

import inspect
from pathlib import Path

import torch

from houseblend.base.options import declared_fields, option_name
from houseblend.parallel.asynchronous.machine import Machine, Workload
from houseblend.parallel.predict import predict
from houseblend.parallel.predict import table as predicted
from houseblend.parallel.schedule import Schedule
from houseblend.parallel.strategies import ASYNCHRONOUS, METHODS, STRATEGIES
from houseblend.parallel.strategy import Moment, Strategy

PAGE = Path(__file__).resolve().parents[2] / "docs/strategies.md"
NUMBERS, MINIBATCH = 8_774_584, Schedule.minibatch_size
"""The trained parameters of 440-6x1024-3000, an example; frames of a minibatch."""
N = 1200
"""Numbers of the flat vector that strategies are run on, to count arrays."""


def table() -> str:
    """What each strategy costs at its defaults, in Markdown; n: the number of parameters."""
    rows = [
        "| `--strategy` | numbers sent a blend | a blend every | bytes a frame | a rank keeps | a worker keeps | paper |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, kind in STRATEGIES.items():
        every = kind().at(Moment(seen=1.0)).every
        frames = every * MINIBATCH or Schedule.frames_per_round
        sent, shared, own = counted(kind)
        period = f"{every} minibatches" if every else "round"
        load = 4 * sent * NUMBERS / frames
        rows.append(
            f"| `{name}` | {_times(sent)} | {period} | {load:,.0f} | {_times(shared)} | {_times(own)} | {kind.paper} |"
        )
    return "\n".join(rows)


def counted(kind: type[Strategy]) -> tuple[float, float, float]:
    """Numbers sent a blend, kept by a rank and kept by a worker beside p, over n; the most between two blends, single numbers left out."""
    strategy = kind().at(Moment(workers=4))
    params = torch.randn(N)
    shared = strategy.begin(params)
    own = strategy.join(shared)
    sents = []
    for _ in range(strategy.lag + 1):
        own, sent = strategy.give(shared, strategy.watch(own, params), params + torch.randn(N))
        sents.append(sent)
    under_way = sum(map(len, sents[: strategy.lag]))
    shared = strategy.blend(shared, sents[0])
    return len(sents[0]) / N, _arrays(shared) / N, (_arrays(own) + under_way) / N


def asynchronous_table() -> str:
    """The same for methods that push: n numbers to the server, and n back; it remembers what each worker took."""
    rows = ["| `--strategy` | a push every | bytes a frame | the server keeps | paper |", "|---|---|---|---|---|"]
    for name, kind in ASYNCHRONOUS.items():
        strategy, sent = kind().at(Moment(workers=4, seen=1.0)), torch.randn(N)
        shared, reply = strategy.push(strategy.begin(sent), sent, torch.randn(N), 0)
        assert len(sent) == len(reply) == N
        load, kept = 4 * NUMBERS / (strategy.every * MINIBATCH), _times(_arrays(shared) / N)
        rows.append(
            f"| `{name}` | {strategy.every} minibatch{'es' * (strategy.every > 1)} | {load:,.0f} | {kept}, and n a worker | {kind.paper} |"
        )
    return "\n".join(rows)


def predictions() -> str:
    """What nnet-predict-speedup says of Su and Chen's 16 and 32 GPUs, by the assumptions of the page."""
    machine, workload = Machine("0.05", 0.1, 5e-5, 1.25e9), Workload(40_325_928, 30_000)
    named = {
        "average --average-period=7": STRATEGIES["average"](7),
        "hpsgd --average-period=7": STRATEGIES["hpsgd"](7),
        "average --average-period=70": STRATEGIES["average"](70),
        "streaming --average-period=7 --fragments=4": STRATEGIES["streaming"](7, fragments=4),
        "asgd --average-period=7": ASYNCHRONOUS["asgd"](7),
    }
    parts = ["```text"]
    for words, strategy in named.items():
        parts += [words, predicted([predict(strategy, machine, workload, count) for count in (1, 16, 32)])]
    return "\n".join([*parts, "```"])


def _arrays(arrays: dict[str, torch.Tensor]) -> int:
    """Numbers in arrays that are not the same one under two names."""
    return sum({one.data_ptr(): len(one) for one in arrays.values() if len(one) > 1}.values())


def _times(count: float) -> str:
    """A number of times n."""
    if count in (0.0, 1.0):
        return "n" if count else "-"
    return f"{count:g} n" if count > 1 else f"n / {1 / count:g}"


def section(name: str) -> str:
    """A strategy's equations, as it has them, and its options."""
    kind = METHODS[name]
    equations = inspect.cleandoc(kind.__doc__ or "").replace("Tensors are flat, [n].", "").strip()
    options = [
        f"{option_name(one.name)}={_shown(one.default)}"
        for one in declared_fields(kind)
        if one.name not in ("groups", "group_period")
    ]
    return "\n".join(["```text", equations, "```", f"State: {kind.state}. Sent: {kind.sent}. `{' '.join(options)}`"])


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def written(text: str) -> str:
    """The page with what the code says of it put between its marks, `<!-- NAME -->` and `<!-- /NAME -->`."""
    tables = {"costs": table(), "pushes": asynchronous_table(), "predictions": predictions()}
    for name, part in {**tables, **{name: section(name) for name in METHODS}}.items():
        before, begin, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- /{name} -->")
        assert end, f"no marks of {name} in {PAGE.name}"
        text = f"{before}{begin}{part}\n{end}{after}"
    return text


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
