"""hb: how an experiment or a whole work directory stands, why a step failed, a page of it all; whether a machine is fit; what can be deleted."""

from pathlib import Path

from houseblend.cli.program import argument, option, program


@program(example="hb status recipes/digits/work; hb why exp/dnn; hb report exp/dnn -o report.html; hb strategies")
@argument(
    "question", type=("why", "status", "report", "strategies", "doctor", "gc"),
    help="why: cause, log, advice; status: a line a step; report: a page with curves, word errors, times; strategies: how train_dnn can blend; "
    "doctor: whether machine, file system and launchers are fit; gc: what can be deleted",
)  # fmt: skip
@argument("exp", type=Path, nargs=-1, required=False, help="a step's output directory, or a recipe's work directory")
@option("-o", "--out", type=Path, help="With report: the page to write [default: report.html]")
@option(
    "--tensorboard",
    type=Path,
    help="With report: a directory to write the curves to for TensorBoard (needs the package tensorboard)",
)
@option(
    "--launcher",
    multiple=True,
    help="With doctor, perhaps several times: where a job of a second is run, as in train_dnn",
)
@option("--dry-run", type=bool, default=True, help="With gc: only tell; --dry-run=false deletes")
def main(
    question: str, exp: tuple[Path, ...], out: Path | None, tensorboard: Path | None, launcher: tuple[str, ...], dry_run: bool
) -> None:  # fmt: skip
    """Say what is done, running, stale, failed or unfinished; or why something failed and what to do next; or what strategies there are.

    Nothing is changed but by `hb gc --dry-run=false`. "stale" means that a file has changed since, "unfinished" that the step was killed.
    `hb report` writes all that the directories tell into one HTML file, which needs no other: of an experiment with what it was
    made of and what was made of it, or of a whole work directory.
    `hb doctor DIRECTORY` looks at a recipe's directory, or any other in which work is to be done; exit status 1 if something is wrong.
    `hb gc DIRECTORY` tells what of finished and killed steps nothing needs any more.
    """
    from houseblend.base.errors import UsageError  # and of the rest what the question needs

    if question == "strategies":
        from houseblend.report.strategies import describe_strategies

        print(describe_strategies())
        return
    if len(exp) != 1:
        raise UsageError(f"{len(exp)} directories", expected=f"hb {question} DIRECTORY")
    if question != "report" and (out or tensorboard):
        raise UsageError("--out or --tensorboard", expected="hb report")
    if question == "report":
        from houseblend.report.page import write_page
        from houseblend.report.tensorboard import write_scalars

        write_page(exp[0], out or Path("report.html"))
        if tensorboard:
            write_scalars(exp[0], tensorboard)
    elif question == "doctor":
        from houseblend.report.doctor import print_findings

        print_findings(exp[0], launcher or ("",))
    elif question == "gc":
        from houseblend.report.gc import collect

        collect(exp[0], dry_run)
    elif question == "why":
        from houseblend.report.why import explain

        print(explain(exp[0]))
    else:
        from houseblend.report.status import state_of, step_directories

        for folder in step_directories(exp[0]):
            print(state_of(folder), flush=True)
