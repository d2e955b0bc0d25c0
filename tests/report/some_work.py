"""A small work directory, as a recipe leaves it, for tests of who reads it: in seconds, without training anything."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from houseblend.cli.step import Step, argument
from houseblend.decode.score import kinds_of, write_score
from houseblend.decode.wer import align_words, count_errors
from houseblend.parallel.ledger import Ledger
from houseblend.parallel.records import LeftOut, Measured, Refusal, WorkerReport

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "parallel"))
from some_records import some_plan, some_round

REFERENCES = {"a-1": "one two three", "a-2": "four <five> six", "b-1": "seven"}
HYPOTHESES = {"a-1": "one two three", "a-2": "four nine six six", "b-1": ""}
SECONDS = {"training": 6.0, "reading": 1.0, "blending": 2.0, "waiting": 1.0}


def make(work: Path, name: str, source: str, out: str, write: Callable[[Path], None]) -> None:
    """Run a step called `name` that reads the directory `source` and writes `out`, both below `work`."""

    @argument("source", help="directory")
    @argument("out", help="directory to write")
    def body(source, out):
        """Write."""
        write(Path(out))

    assert (
        Step(name, body, f"{name} in out", 1, ("source",), "out", None, False).main(
            [str(work / source), str(work / out)]
        )
        == 0
    )


def some_work(work: Path, dropping: bool = True) -> Path:
    """data, frames, a training of three rounds on two workers, a decoding and its scores."""
    (work / "raw").mkdir(parents=True)
    (work / "raw/text").write_text("a-1 one\n")
    make(work, "make_mfcc", "raw", "data/test", lambda out: (out / "feats.scp").write_text("a-1 x\n"))
    make(work, "make_frames", "data/test", "exp/frames", lambda out: (out / "index.json").write_text("{}"))
    make(work, "train_dnn", "exp/frames", "exp/dnn", lambda out: write_ledger(out, dropping))
    make(work, "decode", "exp/dnn", "exp/dnn_test", lambda out: (out / "num_jobs").write_text("1\n"))
    make(work, "score", "exp/dnn_test", "exp/dnn_test_score", write_scores)
    make(work, "make_graph", "data/test", "exp/graph", lambda out: (out / "num_pdfs").write_text("1\n"))
    return work


def write_ledger(folder: Path, dropping: bool) -> None:
    """Three rounds, with a worker that is kept out and an attempt that is refused if `dropping`."""
    ledger = Ledger(folder / "ledger.jsonl")
    reports = {
        number: WorkerReport(number, 100.0, 2, -1.5, -1.9 - 0.1 * number, 0.5, dict(SECONDS)) for number in (1, 2)
    }
    for number in range(3):
        if dropping and number == 1:
            ledger.append(Refusal(1, 0, some_plan(1), {}, {0: "held-out loss rose", 2: "a job failed"}))
        bad = dropping and number == 2
        ledger.append(
            replace(
                some_round(number), workers=reports, attempt=int(dropping and number == 1), seconds=5.0,
                measured=Measured(-1.5 + 0.1 * number, 0.5, -1.25, 0.6), distance_to_mean={"hidden1": 0.5, "output": 0.25},
                dropped={2: "held-out loss nan & worse"} if bad else {},
                weights={1: 1.0} if bad else {1: 1.0, 2: 1.0},
                left_out=[LeftOut(blend, 1, "it came late") for blend in (3, 4)] if bad else [],
            )
        )  # fmt: skip


def write_scores(folder: Path) -> None:
    """Scores of HYPOTHESES."""
    references = {key: text.split() for key, text in REFERENCES.items()}
    found = {key: HYPOTHESES[key].split() for key in references}
    counts = {key: count_errors(references[key], found[key]) for key in references}
    pairs = {key: kinds_of(align_words(references[key], found[key])) for key in references}
    write_score(folder, counts, pairs, (10, 0.0), None, REFERENCES)
