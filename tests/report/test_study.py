"""Cells are run once; a failure loses nothing of the others."""

import sys
from pathlib import Path

import pytest

from houseblend.base.errors import HouseBlendError, InputError
from houseblend.parallel.ledger import Ledger
from houseblend.report.study import Study, cell_name, training

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "parallel"))
from some_records import some_round


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A grid without results."""
    here = tmp_path / "recipes/small/study"
    here.mkdir(parents=True)
    (here / "grid.json").write_text('{"seeds": [1, 2, 3]}')
    return Study(here)


def test_finished_cells_are_not_run_again(study: Study) -> None:
    cells = [{"seed": seed} for seed in study.grid["seeds"]]
    run: list[int] = []

    def run_cell(cell: dict) -> dict:
        run.append(cell["seed"])
        return {"wer": 10 * cell["seed"]}

    study.run(cells[:2], run_cell, 2)
    study.run(cells, run_cell, 2)
    assert sorted(run) == [1, 2, 3]
    assert sorted((line["cell"]["seed"], line["wer"]) for line in study.results()) == [(1, 10), (2, 20), (3, 30)]


def test_a_failure_is_raised_and_the_others_are_kept(study: Study) -> None:
    def run_cell(cell: dict) -> dict:
        if cell["seed"] == 1:
            raise ValueError("broken cell")
        return {}

    with pytest.raises(ValueError, match="broken cell"):
        study.run([{"seed": seed} for seed in study.grid["seeds"]], run_cell, 1)
    assert [line["cell"]["seed"] for line in study.results()] == [2, 3]


def test_a_torn_result_is_named(study: Study) -> None:
    ledger = study.recipe / "study/results.jsonl"
    ledger.write_text('{"cell": {"seed": 1}}\n{"cell": {"se')
    with pytest.raises(InputError, match=r"results.jsonl:2: cannot read .*remove the line"):
        study.run([{"seed": 1}], lambda _: {}, 1)


def test_a_failing_step_names_its_log(study: Study, tmp_path: Path) -> None:
    program = tmp_path / "steps/fail"
    program.parent.mkdir()
    program.write_text("import sys; print('no such thing', file=sys.stderr); sys.exit(1)")
    with pytest.raises(HouseBlendError, match="fail failed with status 1"):
        study.step("fail", "in", "exp/out", work=tmp_path)
    assert (tmp_path / "exp/out.log").read_text() == "no such thing\n"


def test_training_reads_the_ledger(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append(some_round(0, heldout=-2.0, train=-1.0, model_hash="aa"))
    ledger.append(some_round(1, heldout=-1.9, train=-0.9, model_hash="bb", blends=3))
    found = training(tmp_path)
    assert found["frames"] == 400
    assert found["curve"] == [[200, -1.0, -2.0], [400, -0.9, -1.9]]
    assert found["blends"] == 4
    assert found["model_hash"] == "bb"


def test_name_of_a_cell() -> None:
    assert cell_name({"hours": 2, "update": "ng", "seed": 1}) == "2_ng_1"
