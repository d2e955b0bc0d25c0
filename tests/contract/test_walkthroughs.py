"""What CONTRIBUTING.md tells people to write works."""

import re
import sys
from pathlib import Path

import numpy as np

from houseblend.io.tables import read_table, write_table
from houseblend.nnet.formats.nnet3 import read_network
from houseblend.parallel.exchanges.local import LocalExchange
from houseblend.parallel.task import MemoryPolicy

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "conformance"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "parallel"))
import matrix
from tiny import write_tiny_frames

REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_program_of_the_guide_runs(tmp_path, monkeypatch):
    text = (REPOSITORY / "CONTRIBUTING.md").read_text()
    code = re.search(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert code is not None
    names: dict = {"__name__": "houseblend.cli.sum_feats"}
    exec(code[1], names)
    monkeypatch.chdir(tmp_path)
    feats = np.random.default_rng().normal(size=(5, 3)).astype(np.float32)
    with write_table("ark:in.ark", "matrix") as write:
        write("a", feats)
    assert names["main"].main(["--scale=0.5", "ark:in.ark", "ark:out.ark"]) == 0
    ((key, total),) = read_table("ark:out.ark", "vector")
    assert key == "a"
    np.testing.assert_allclose(total, 0.5 * feats.sum(axis=0), rtol=1e-6)


def test_the_strategy_of_the_guide_trains_with_state_on_two_processes(tmp_path, monkeypatch):
    text = (REPOSITORY / "CONTRIBUTING.md").read_text()
    code = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)[1]
    names: dict = {"__name__": "houseblend.parallel.strategies.ema"}
    exec(code, names)
    ema = names["Ema"]
    found = {}
    for jobs in (1, 2):
        place = tmp_path / str(jobs)
        frames = write_tiny_frames(place / "frames")
        found[jobs] = matrix.train(
            frames, place, "ema", ema(average_period=3), MemoryPolicy(), 0.0, LocalExchange(jobs)
        )
    assert found[1] == found[2]
    with np.load(tmp_path / "1/ema/2.state.npz") as state:
        assert {"shared/bar", "shared/c"} <= set(state.files)
        bar, c = state["shared/bar"], state["shared/c"]
    model = read_network(tmp_path / "1/ema/2.raw").parameters.trained.numpy()
    assert np.array_equal(model, bar)
    assert not np.array_equal(bar, c)


def test_every_program_and_step_stands_in_the_readme():
    text = (REPOSITORY / "README.md").read_text()
    names = [path.name for folder in ("bin", "steps") for path in (REPOSITORY / folder).iterdir()]
    missing = [name for name in names if f"`{name}`" not in text]
    assert not missing, "run tests/contract/list_programs.py to write the table"
