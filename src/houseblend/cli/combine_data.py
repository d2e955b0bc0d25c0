"""combine-data: one data directory of several."""

from pathlib import Path

from houseblend.cli.program import argument, option, program


@program(example="combine-data data/both data/clean data/noisy")
@argument("target", type=Path, help="data directory to write")
@argument("sources", type=Path, nargs=-1, help="data directories")
@option("--extra-files", default="", help="Names of further files to merge, with blanks between")
@option("--skip-fix", type=bool, default=False, help="Do not mend the result")
def main(target: Path, sources: tuple[Path, ...], extra_files: str, skip_fix: bool) -> None:
    """Merge the files that all sources have; segments and utt2uniq are made where they are missing."""
    from houseblend.io.data_subsets import combine_data_dirs

    combine_data_dirs(target, sources, extra_files.split(), not skip_fix)
