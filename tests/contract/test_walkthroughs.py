"""What CONTRIBUTING.md tells people to write works."""

import re
from pathlib import Path

import numpy as np

from houseblend.io.tables import read_table, write_table

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


def test_every_program_and_step_stands_in_the_readme():
    text = (REPOSITORY / "README.md").read_text()
    names = [path.name for folder in ("bin", "steps") for path in (REPOSITORY / folder).iterdir()]
    missing = [name for name in names if f"`{name}`" not in text]
    assert not missing, "run tests/contract/list_programs.py to write the table"
