"""The beats of a step: up to date, stale, unfinished, resumed."""

from pathlib import Path

import pytest

from houseblend.base.errors import InputError
from houseblend.cli.hb import main as hb
from houseblend.cli.step import Step, argument, execution_option, option

RUNS: list[str] = []


def make_step(resumes: bool = False, fail: bool = False, grows: str | None = None) -> Step:
    """A step that copies a file."""

    @argument("source", help="file or directory")
    @argument("out", help="directory to write")
    @option("--upper", type=bool, default=False, help="in capitals")
    @option("--hours", type=float, default=1.0, help="how much")
    @execution_option("--jobs", type=int, default=1, help="parallel jobs")
    def copy(source, out, upper, hours, jobs):
        """Copy."""
        from pathlib import Path

        text = (Path(source) / "a.txt").read_text()
        RUNS.append("continued" if (Path(out) / "part").exists() else "fresh")
        (Path(out) / "part").write_text("x")
        if fail:
            raise InputError("broke")
        (Path(out) / "a.txt").write_text(text.upper() if upper else text)

    return Step("copy", copy, "copy in out", 1, ("source",), "out", None, resumes, grows)


@pytest.fixture
def places(tmp_path):
    RUNS.clear()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("text")
    return str(tmp_path / "in"), str(tmp_path / "out"), tmp_path


def test_a_second_run_is_up_to_date_and_jobs_do_not_matter(places, capsys):
    source, out, _ = places
    assert make_step().main([source, out]) == 0
    assert make_step().main([source, out, "--jobs=2"]) == 0
    assert RUNS == ["fresh"]
    assert "up to date" in capsys.readouterr().err


def test_a_changed_option_or_file_makes_it_again_and_is_named(places, capsys):
    source, out, folder = places
    make_step().main([source, out])
    make_step().main([source, out, "--upper"])
    assert "option --upper was False, is True" in capsys.readouterr().err
    (folder / "in" / "a.txt").write_text("new")
    make_step().main([source, out, "--upper"])
    assert "source: a.txt has changed" in capsys.readouterr().err
    (folder / "out" / "a.txt").unlink()
    make_step().main([source, out, "--upper"])
    assert "output: a.txt is gone" in capsys.readouterr().err
    assert RUNS == ["fresh"] * 4
    assert (folder / "out" / "a.txt").read_text() == "NEW"


def test_an_input_that_is_a_file_is_named_by_its_path(places, capsys, monkeypatch):
    _, _, folder = places
    monkeypatch.chdir(folder)

    @argument("text", help="file")
    @argument("out", help="directory to write")
    @option("--words", type=Path, help="file")
    def count(text, out, words):
        """Count."""
        (Path(out) / "count").write_text(str(len(Path(text).read_text())))

    step = Step("count", count, "count text out", 1, ("text",), "out", None, False)
    Path("more").write_text("x")
    step.main(["in/a.txt", "deep/out", "--words=more"])
    Path("in/a.txt").write_text("longer")
    capsys.readouterr()
    assert hb.main(["status", "deep/out"]) == 0
    assert "text: in/a.txt has changed" in capsys.readouterr().out
    step.main(["in/a.txt", "deep/out", "--words=more"])
    assert "made again: text: in/a.txt has changed\n" in capsys.readouterr().err
    Path("more").write_text("y")
    step.main(["in/a.txt", "deep/out", "--words=more"])
    assert "made again: the file of option --words has changed\n" in capsys.readouterr().err


def test_touching_without_changing_is_up_to_date(places):
    source, out, folder = places
    make_step().main([source, out])
    (folder / "in" / "a.txt").write_text("text")
    make_step().main([source, out])
    assert len(RUNS) == 1


def test_an_unfinished_directory_is_no_input_and_is_made_again_or_continued(places, capsys):
    source, out, folder = places
    assert make_step(fail=True).main([source, out]) == 1
    assert make_step().main([out, str(folder / "next")]) == 1
    assert "the directory is unfinished" in capsys.readouterr().err
    assert make_step(resumes=True).main([source, out]) == 0
    assert RUNS == ["fresh", "continued"]
    assert make_step(resumes=True).main([source, out, "--upper"]) == 0
    assert RUNS[-1] == "fresh"


def test_a_step_that_grows_continues_what_asked_for_less(places):
    source, out, _ = places
    growing = make_step(resumes=True, grows="hours")
    for hours in (2, 3, 3, 2.5):
        assert growing.main([source, out, f"--hours={hours}"]) == 0
    assert RUNS == ["fresh", "continued", "fresh"]
    assert growing.main([source, out, "--hours=4", "--upper"]) == 0
    assert make_step(resumes=True).main([source, out, "--hours=5", "--upper"]) == 0
    assert RUNS[3:] == ["fresh", "fresh"]
    assert make_step(resumes=True, grows="hours", fail=True).main([source, out, "--hours=6", "--upper"]) == 1
    assert growing.main([source, out, "--hours=5.5", "--upper"]) == 0
    assert RUNS[5:] == ["continued", "fresh"]


def test_a_directory_of_somebody_else_is_left_alone(places, capsys):
    source, out, folder = places
    (folder / "out").mkdir()
    (folder / "out" / "thesis.txt").write_text("dear")
    assert make_step().main([source, out]) == 1
    assert "holds files that no step has written" in capsys.readouterr().err
    assert (folder / "out" / "thesis.txt").read_text() == "dear"


def test_what_another_step_writes_below_an_input_does_not_count(places):
    source, out, folder = places
    make_step().main([source, out])
    make_step().main([source, f"{out}/below"])
    make_step().main([out, str(folder / "next")])
    make_step().main([source, f"{out}/below", "--upper"])
    RUNS.clear()
    make_step().main([source, out])
    make_step().main([out, str(folder / "next")])
    assert RUNS == []


def test_a_half_emptied_directory_is_not_continued_and_leftovers_of_writers_go(places, monkeypatch, capsys):
    source, out, folder = places
    assert make_step(fail=True, resumes=True).main([source, out]) == 1
    (folder / "out/.a.txt.x.tmp").touch()
    assert make_step(fail=True, resumes=True).main([source, out]) == 1
    assert "continuing in" in capsys.readouterr().err
    assert not (folder / "out/.a.txt.x.tmp").exists()

    def dies(path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.unlink", dies)
        assert make_step().main([source, out, "--upper"]) == 130
    assert (folder / "out/part").exists()
    RUNS.clear()
    assert make_step(resumes=True).main([source, out]) == 0
    assert RUNS == ["fresh"]


def test_a_step_of_a_recipe_that_has_ended_does_not_begin(places, monkeypatch, capsys):
    source, out, folder = places
    monkeypatch.setenv("HOUSEBLEND_RECIPE", str(2**22 + 1))
    assert make_step().main([source, out]) == 1
    assert "the recipe that started this step has ended" in capsys.readouterr().err
    assert not (folder / "out").exists()


BROKEN = [
    b"",
    b"{",
    b"[]",
    b"{}",
    b"\xff",
    b"[" * 100000,
    b'{"format": 2}',
    b'{"inputs": 3}',
    b'{"outputs": {"a": [1]}}',
]


@pytest.mark.parametrize("content", BROKEN, ids=range(len(BROKEN)))
@pytest.mark.parametrize("name", [".done.json", ".begun.json", ".failed.json"])
def test_a_broken_record_makes_a_directory_stale_and_is_no_error(name, content, places, capsys):
    source, out, folder = places
    make_step().main([source, out])
    (folder / "out" / name).write_bytes(content)
    for question in ("status", "why"):
        assert hb.main([question, str(folder)]) == 0
    assert make_step().main([source, out]) == 0
    assert capsys.readouterr().out.count("bug") == 0
    assert len(RUNS) == (2 if name == ".done.json" else 1)
    assert hb.main(["status", out]) == 0
    assert capsys.readouterr().out.startswith("done")
