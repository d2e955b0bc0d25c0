"""hb report: the page holds what the directories tell, needs nothing else, and stands where a part cannot be read."""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import ClassVar

import pytest

from houseblend.cli.hb import main as hb

sys.path.insert(0, str(Path(__file__).resolve().parent))
from some_work import some_work, write_ledger

VOID = {"meta", "link", "br"}


class Page(HTMLParser):
    """Text, and a check that all elements are closed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.feed(path.read_text())
        assert not self.open
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.words.append(data)


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    """A work directory with a training that kept a worker out."""
    return some_work(tmp_path_factory.mktemp("report") / "work")


def page_of(place: Path, target: Path) -> Page:
    """The page of a directory."""
    assert hb.main(["report", str(place), "-o", str(target)]) == 0
    return Page(target)


def test_a_work_directory_with_all_that_it_tells(work, tmp_path):
    page = page_of(work, tmp_path / "page.html")
    for told in (
        "42.86", "held out \u22121.300 after 3 rounds", "2 errors in 3 words", "<five> \u2192 six 1", "seven 1",
        "round 1, attempt 0, was refused: held-out loss rose; worker 2: a job failed",
        "round 2: worker 1 was left out of blends 3 to 4 inside: it came late",
        "round 2: worker 2 was kept out of the last blend: held-out loss nan & worse",
        "training 60.0%", "reading 10.0%", "blending 20.0%", "waiting 10.0%",
        "data/test make_mfcc", "exp/dnn_test_score score", "exp/graph make_graph", "torch 2 exp/dnn", "processor\u2019s kernels AVX2",
        "hidden1 output", "learning rate 0.01 to 0.01",
    ):  # fmt: skip
        assert told in page.text, told
    assert "Not as it should be" not in page.text


def test_it_needs_no_other_file_and_no_script(work, tmp_path):
    page = page_of(work, tmp_path / "page.html")
    assert not page.tags & {"script", "img", "iframe", "object"}
    assert all(link.startswith("#") or link == "data:," for link in page.links)
    assert not re.search(r"https?://|@import|url\(", (tmp_path / "page.html").read_text())


def test_an_experiment_comes_with_what_it_was_made_of_and_what_came_of_it(work, tmp_path):
    page = page_of(work / "exp/frames", tmp_path / "page.html")
    for told in (
        "data/test make_mfcc",
        "exp/frames make_frames",
        "exp/dnn train_dnn",
        "exp/dnn_test_score score",
        "42.86",
    ):
        assert told in page.text, told
    assert "exp/graph" not in page.text
    assert "exp/dnn" not in page_of(work / "exp/graph", tmp_path / "page.html").text


def test_where_all_were_blended_a_sentence_says_so(tmp_path):
    some_work(tmp_path / "work", dropping=False)
    page = page_of(tmp_path / "work/exp/dnn", tmp_path / "page.html")
    assert "All 2 workers were in every blend of all 3 rounds, with the same weight." in page.text


def test_what_is_wrong_is_named_in_its_place(tmp_path):
    work = some_work(tmp_path / "work")
    (work / "exp/dnn/ledger.jsonl").write_text('{"format": 1}\n')
    (work / "exp/dnn_test_score/per_utt").write_text("a-1 ref one\na-1 hyp one two\na-1 op C\n")
    (work / "exp/graph/.done.json").unlink()
    page = page_of(work, tmp_path / "page.html")
    assert "ledger.jsonl:1: format 1; expected format 2" in page.text
    assert (
        "per_utt: [a-1] no alignment; expected rows ref, hyp and op of as many words each; run score again" in page.text
    )
    assert "graph: unfinished cause: the process ended without a word" in page.text
    assert re.search(r"stale \S*exp/dnn_test_score: output: per_utt has changed", page.text)


def test_a_training_that_has_not_finished_a_round(tmp_path):
    work = some_work(tmp_path / "work")
    (work / "exp/dnn/ledger.jsonl").write_text("")
    assert "No round is finished yet." in page_of(work, tmp_path / "page.html").text


def test_all_numbers_of_a_broken_round_may_be_missing(tmp_path):
    work = some_work(tmp_path / "work")
    path = work / "exp/dnn/ledger.jsonl"
    path.unlink()
    write_ledger(path.parent, dropping=True)
    path.write_text(re.sub(r'"heldout_objective": -2.\d+', '"heldout_objective": null', path.read_text()))
    page_of(work, tmp_path / "page.html")


def test_options_belong_to_the_report(work, capsys):
    assert hb.main(["status", str(work), "-o", "x.html"]) == 2
    assert "--out or --tensorboard; expected hb report" in capsys.readouterr().err


def test_without_a_step_nothing_is_written(tmp_path, capsys):
    assert hb.main(["report", str(tmp_path), "-o", str(tmp_path / "page.html")]) == 1
    assert "no step has written here" in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()


class Recorded:
    """Stands for tensorboard's writer: keeps what it is given."""

    given: ClassVar[list[tuple[str, str, float, int]]] = []

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        self.given.append((self.folder, tag, value, step))


def test_tensorboard_is_given_every_round(work, tmp_path, monkeypatch):
    module = type(sys)("torch.utils.tensorboard")
    module.SummaryWriter = Recorded  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    monkeypatch.setattr(Recorded, "given", [])
    words = ["report", str(work), "-o", str(tmp_path / "page.html"), "--tensorboard", str(tmp_path / "runs")]
    assert hb.main(words) == 0
    run = str(tmp_path / "runs/exp/dnn")
    assert [one[2:] for one in Recorded.given if one[:2] == (run, "objective/held_out")] == [
        (-1.5, 200), (-1.4, 400), (-1.3, 600)
    ]  # fmt: skip
    assert (run, "distance/output", 0.25, 600) in Recorded.given
    assert (run, "blend/workers_kept_out", 1.0, 600) in Recorded.given
    assert (run, "workers/2/held_out", -2.1, 200) in Recorded.given


def test_without_tensorboard_it_is_said_what_to_install(work, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    words = ["report", str(work), "-o", str(tmp_path / "page.html"), "--tensorboard", str(tmp_path / "runs")]
    assert hb.main(words) == 1
    assert "Python has no tensorboard; pip install 'houseblend[tensorboard]'" in capsys.readouterr().err


def test_tensorboard_reads_what_is_written(work, tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    hb.main(["report", str(work), "-o", str(tmp_path / "page.html"), "--tensorboard", str(tmp_path / "runs")])
    found = accumulator.EventAccumulator(str(tmp_path / "runs/exp/dnn"))
    found.Reload()
    assert [one.step for one in found.Scalars("learning_rate")] == [200, 400, 600]
