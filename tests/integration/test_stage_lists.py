"""Recipes with programs that do nothing but want their inputs and make their output: what a stage reads, an earlier one wrote."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STAND_IN = """#!/usr/bin/env bash
shopt -s extglob
set -- "${0##*/}" "$@"
echo "$*" >> ../commands
for word in "${@:2}"; do
    case $word in
        --config=*) [ -f "${word#*=}" ] || { echo "no ${word#*=}" >&2; exit 1; } ;;
        --transforms=*|--init=*|--chosen-on=*) paths+=("${word#*=}") ;;
        --out=*) mkdir -p "${word#*=}"/{LDC97S62/swb_ms98_transcriptions,LDC2002S09,LDC2002T43,truth}; exit ;;
        --*|+([0-9])) ;;
        *) paths+=("$word") ;;
    esac
done
for path in "${paths[@]::${#paths[@]}-1}"; do # a file of a directory, but for those that hold directories of many commands
    folder=$(dirname "$path")
    [ -e "$path" ] || { [ -d "$folder" ] && [[ ! $folder =~ ^(exp|data|\\.)$ ]]; } || { echo "no $path for $*" >&2; exit 1; }
done
mkdir -p "${paths[-1]}"
"""


def tree(folder: Path) -> Path:
    """The recipes in a toolkit of stand-ins."""
    shutil.copytree(ROOT / "recipes", folder / "recipes", ignore=shutil.ignore_patterns("work", "study", "*.md"))
    (folder / "conf").symlink_to(ROOT / "conf")
    names = [path.name for path in (*(ROOT / "steps").iterdir(), *(ROOT / "bin").iterdir())]
    local = [path.relative_to(ROOT) for path in (ROOT / "local").glob("*/*") if not path.suffix and path.is_file()]
    (folder / "stand_in").write_text(STAND_IN)
    (folder / "stand_in").chmod(0o755)
    for place in [*(Path("programs") / name for name in names), *local]:
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).symlink_to(folder / "stand_in")
    (folder / "programs/tail").symlink_to("/bin/true")
    (folder / "path.sh").write_text("PATH=$root/programs:$PATH\n")
    return folder


@pytest.mark.parametrize("pretrained", [[], ["pretrain_dbn"]])
@pytest.mark.parametrize("recipe", ["minitalk", "swbd"])
def test_what_a_stage_reads_an_earlier_one_wrote(tmp_path: Path, recipe: str, pretrained: list[str]) -> None:
    options = ["--dbn=yes"] if pretrained else []
    if recipe == "swbd":
        for name in ("LDC97S62/swb_ms98_transcriptions", "LDC2002S09", "LDC2002T43"):
            (tmp_path / "corpus" / name).mkdir(parents=True)
        options.append(f"--corpus={tmp_path}/corpus")
    command = [tree(tmp_path) / "recipes" / recipe / "run.sh", f"--work={tmp_path}/work", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    called = [line.split()[0] for line in (tmp_path / "commands").read_text().splitlines()]
    ladder = ["train_lm", "train_mono", "train_deltas", "train_lda_mllt", "train_sat", *pretrained, "train_dnn"]
    assert [name for name in called if "train_" in name] == ladder
