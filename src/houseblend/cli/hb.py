"""hb: how an experiment or a whole work directory stands, and why a step failed."""

from pathlib import Path

from houseblend.cli.program import argument, program


@program(example="hb status recipes/digits/work; hb why exp/dnn")
@argument("question", type=("why", "status"), help="why: cause, log, advice; status: a line a step")
@argument("exp", type=Path, help="a step's output directory, or a recipe's work directory")
def main(question: str, exp: Path) -> None:
    """Say what is done, running, stale, failed or unfinished; or why something failed and what to do next.

    Nothing is changed. "stale" means that a file has changed since, "unfinished" that the step was killed.
    """
    from houseblend.report.status import state_of, step_directories
    from houseblend.report.why import explain

    if question == "why":
        print(explain(exp))
    else:
        for folder in step_directories(exp):
            print(state_of(folder), flush=True)
