"""The shell functions of recipes/stages.sh: which stages run, what runs side by side, how failure ends a recipe."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIST = ROOT / "recipes/swbd/stage_list.sh"
RECIPE = f"""#!/usr/bin/env bash
source {ROOT}/recipes/stages.sh
stage one touch one
stage_each two "a b" sh -c 'touch {{}}; until [ -e a ] && [ -e b ]; do sleep 0.01; done; [ {{}} != "$BAD" ] || exit 7'
stage_each two "a b" touch {{}}-{{}}
stage three touch three
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe in a tree of its own."""
    (tmp_path / "path.sh").touch()
    program = tmp_path / "recipes/small/run.sh"
    program.parent.mkdir(parents=True)
    program.write_text(RECIPE)
    program.chmod(0o755)
    return program


def run(recipe: Path, *options: str, bad: str = "") -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """How the recipe ended, and what its stages made."""
    work = recipe.parent / "work"
    done = subprocess.run(
        [recipe, *options], env={**os.environ, "BAD": bad}, capture_output=True, text=True, timeout=20
    )
    return done, sorted(path.name for path in work.iterdir()) if work.exists() else []


def test_each_of_the_words_runs_beside_the_others(recipe: Path) -> None:
    done, made = run(recipe)
    assert done.returncode == 0
    assert made == ["a", "a-a", "b", "b-b", "one", "three"]
    assert done.stderr.splitlines() == ["== one", "== two", "== three"]


def test_failure_of_one_ends_the_recipe_after_the_others(recipe: Path) -> None:
    for bad in "ab":
        done, made = run(recipe, bad=bad)
        assert done.returncode == 7
        assert made == ["a", "b", "one"]
        assert "run.sh: stage two failed (status 7): sh -c" in done.stderr


def test_lines_of_each_stand_behind_its_word(recipe: Path) -> None:
    recipe.write_text(
        f"#!/usr/bin/env bash\nsource {ROOT}/recipes/stages.sh\nstage_each all 'a b' sh -c 'echo said by {{}} >&2; echo made'\n",
        encoding="utf-8",
    )
    for _ in range(5):
        done, _ = run(recipe)
        assert done.stderr.splitlines()[0] == "== all"
        assert sorted(done.stderr.splitlines()[1:]) == ["a: said by a", "b: said by b"]
        assert done.stdout == "made\nmade\n"


def test_stages_are_chosen_and_listed(recipe: Path) -> None:
    done, made = run(recipe, "--help")
    assert done.stdout.splitlines()[-3:] == ["  one", "  two", "  three"]
    assert made == []
    assert run(recipe, "--stage=two", "--stop-stage=two")[1] == ["a", "a-a", "b", "b-b"]
    assert run(recipe, "--stage=tw")[0].returncode == 2


def test_help_says_what_a_stage_does_where_its_results_go_and_how_long_it_takes(recipe: Path) -> None:
    recipe.write_text(RECIPE.replace("stage one", "#: one  makes it: one/; 3 s\nstage one"), encoding="utf-8")
    assert run(recipe, "--help")[0].stdout.splitlines()[-3:] == ["  one  makes it: one/; 3 s", "  two", "  three"]
    for program in sorted((ROOT / "recipes").glob("*/run.sh")):
        done = subprocess.run([program, "--help"], capture_output=True, text=True, check=True)
        head, _, stages = done.stdout.partition("Stages:\n")
        assert "Results go below --work" in head
        commands = re.findall(r"^ *stage(?:_each)? (\w+)", program.read_text() + LIST.read_text(), flags=re.MULTILINE)
        assert len(stages.splitlines()) >= 10
        for line in stages.splitlines():
            told = re.fullmatch(r"  (\w+) +\S.+: \S+/\S*(?:, \S+)*; \d+ (?:s|min)", line)
            assert told is not None, f"{program}: {line}"
            assert told[1] in commands


@pytest.mark.alone
def test_steps_side_by_side_end_with_the_recipe(recipe: Path) -> None:
    (recipe.parent / "work").mkdir()
    step = (
        "import os; from houseblend.base.process import die_with_parent; die_with_parent(); "
        "os.write(1, b'%d %d %d\\n' % (os.getpid(), os.getppid(), int(os.environ['HOUSEBLEND_RECIPE']))); "
        "import time; time.sleep(60)"
    )
    recipe.write_text(
        f"source {ROOT}/recipes/stages.sh\nstage_each all 'a b' {sys.executable} -c \"{step}\"\n", encoding="utf-8"
    )
    with subprocess.Popen(["bash", recipe], stdout=subprocess.PIPE, text=True) as shell:
        assert shell.stdout is not None
        lines = [shell.stdout.readline().split() for _ in range(2)]
        shell.kill()
    assert [line[1:] for line in lines] == [[str(shell.pid)] * 2] * 2
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{process}").exists() for process, *_ in lines) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(Path(f"/proc/{process}").exists() for process, *_ in lines)
