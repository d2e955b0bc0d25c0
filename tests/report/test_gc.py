"""hb gc: what it tells can be deleted, that it is deleted only when asked to, and that what was done stays done."""

import sys
from pathlib import Path

import pytest

from houseblend.base.lock import directory_lock
from houseblend.base.record import DONE
from houseblend.cli.hb import main as hb
from houseblend.cli.step import Step, argument, option
from houseblend.parallel.ledger import Ledger

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "parallel"))
from some_records import some_round


def make_step(files: dict[str, int], fails: bool = False, resumes: bool = False) -> Step:
    """A step that writes files of so many bytes."""

    @argument("source", help="directory")
    @argument("out", help="directory to write")
    @option("--text", help="of nothing")
    def write(source, out, text):
        """Write."""
        for name, size in files.items():
            path = Path(out) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.name == "ledger.jsonl":
                Ledger(path).append(some_round())
            else:
                path.write_bytes(b"x" * size)
        if fails:
            raise OSError("disk full")

    return Step("write", write, "write in out", 1, ("source",), "out", None, resumes)


BIG = 40_000
BETWEEN = ["1.raw", "2.raw", "2.state.npz", "2.state.1.npz", "1.grown.raw", "rbm1/3.nnet", "rounds/1.0/2.raw.0"]
KEPT = ["final.mdl", "transform.mat", "rounds/1.0/order.txt", "1.dbn", "data/1.raw", "rbm1/final.nnet"]


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A finished training with a step that reads it, steps that failed, and what killed writers have left."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "in/7.raw").write_bytes(b"sound")
    training = dict.fromkeys(["ledger.jsonl", "rbm1/ledger.jsonl", *BETWEEN, *KEPT], BIG)
    assert make_step(training).main(["in", "exp"]) == 0
    assert make_step({"lat": 9}).main(["exp", "exp/decode"]) == 0
    assert make_step({"half": BIG, "log/a": BIG}, fails=True).main(["in", "frames"]) == 1
    assert make_step({"ledger.jsonl": 0, "1.raw": BIG}, fails=True, resumes=True).main(["in", "dnn"]) == 1
    for name in ("exp/.final.mdl.abc.tmp", "dnn/.1.raw.abc.tmp", "exp/decode/.lat.abc.tmp"):
        (tmp_path / name).write_bytes(b"x" * BIG)
    return tmp_path


def asked(capsys, *words: str) -> list[str]:
    """The lines that hb prints."""
    capsys.readouterr()
    assert hb.main(list(words)) == 0
    return capsys.readouterr().out.splitlines()


def files(place: Path) -> set[str]:
    return {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file() and path.name != ".lock"}


def test_a_dry_run_tells_and_changes_nothing(work, capsys):
    before = files(work)
    told = asked(capsys, "gc", ".")
    assert [line.split("  ")[-1] for line in told[:-1]] == [
        "exp: left by writers that were killed (1)",
        f"exp: of a finished training, from between its rounds ({len(BETWEEN)})",
        "exp/decode: left by writers that were killed (1)",
        "frames: begun and not finished, made anew by the next run (2)",
        "dnn: left by writers that were killed (1)",
    ]
    assert told[-1].endswith("can be freed; --dry-run=false does it")
    sizes = [float(line.split()[0]) for line in told]
    assert sizes[1] >= 0.04 * len(BETWEEN)
    assert sum(sizes[:-1]) == pytest.approx(sizes[-1], abs=0.3)
    assert files(work) == before


def test_what_is_deleted_leaves_done_what_was_done(work, capsys):
    status, before = asked(capsys, "status", "."), files(work)
    asked(capsys, "gc", "--dry-run=false", ".")
    gone = {"exp/" + name for name in BETWEEN} | {"frames/half", "frames/log/a"}
    gone |= {"exp/.final.mdl.abc.tmp", "dnn/.1.raw.abc.tmp", "exp/decode/.lat.abc.tmp"}
    assert files(work) == before - gone
    assert asked(capsys, "status", ".") == status
    assert status[0].startswith("done       exp")
    assert asked(capsys, "gc", ".")[0].split() == ["0.0", "MB", "can", "be", "freed;", "--dry-run=false", "does", "it"]
    assert make_step({"lat": 9}).main(["exp", "exp/decode"]) == 0
    assert "exp/decode is up to date" in capsys.readouterr().err


def test_a_step_under_way_keeps_all(work, capsys):
    with directory_lock(work / "frames"):
        assert not any("frames" in line for line in asked(capsys, "gc", "."))


def test_records_that_counted_such_files_still_agree(work, capsys):
    """As steps wrote them before."""
    done = work / "exp" / DONE
    done.write_text(
        done.read_text().replace('"outputs": {', '"outputs": {"2.raw": [1, 2, "a"], "rounds/0.0/1.json": [1, 2, "b"],')
    )
    assert asked(capsys, "status", "exp")[0].startswith("done ")
    done.write_text(done.read_text().replace('"outputs": {', '"outputs": {"data/3.raw": [1, 2, "a"],'))
    assert "output: data/3.raw is gone" in asked(capsys, "status", "exp")[0]


def test_numbered_files_of_no_training_count(work, capsys):
    (work / "in/7.raw").write_bytes(b"other")
    assert "source: 7.raw has changed" in asked(capsys, "status", "exp")[0]
