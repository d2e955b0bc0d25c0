"""hb: how an experiment or a whole work directory stands, and why a step failed."""

from pathlib import Path

from houseblend.cli.program import argument, program


@program(example="hb status recipes/digits/work; hb why exp/dnn; hb strategies")
@argument(
    "question", type=("why", "status", "strategies"),
    help="why: cause, log, advice; status: a line a step; strategies: how train_dnn can blend",
)  # fmt: skip
@argument("exp", type=Path, nargs=-1, required=False, help="a step's output directory, or a recipe's work directory")
def main(question: str, exp: tuple[Path, ...]) -> None:
    """Say what is done, running, stale, failed or unfinished; or why something failed and what to do next; or what strategies there are.

    Nothing is changed. "stale" means that a file has changed since, "unfinished" that the step was killed.
    """
    from houseblend.base.errors import UsageError
    from houseblend.report.status import state_of, step_directories
    from houseblend.report.strategies import describe_strategies
    from houseblend.report.why import explain

    if question == "strategies":
        print(describe_strategies())
        return
    if len(exp) != 1:
        raise UsageError(f"{len(exp)} directories", expected=f"hb {question} DIRECTORY")
    if question == "why":
        print(explain(exp[0]))
        return
    for folder in step_directories(exp[0]):
        print(state_of(folder), flush=True)
