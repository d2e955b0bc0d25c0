"""Cost against size: python tests/bench/bench_size.py [--minutes 6] [--quick]

The strings of tests/data are repeated under new names to 1, 4 and 16 times as much speech; every step runs alone, with one
job, in a process of its own. Printed are seconds of the processor for an hour of speech and the largest memory of the
process; then training with 1, 2, 4 and 8 workers. The floor of growth is 1: sixteen times the data, sixteen times the time.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import wave
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
SHARES = ["--heldout-share=0.2", "--combine-share=0.3"]
DNN = ["--num-epochs=1", "--hidden-layers=4", "--add-layers-period=0", "--jobs=1"]
PREPARE = [
    ["local/digits/prepare_data", f"--corpus={DATA}", f"--manifest={DATA}/manifest.sha256",
     f"--strings={DATA}/strings.txt", "corpus"],
    ["steps/prepare_lang", "--oov=<SIL>", str(ROOT / "local/digits/dict"), "lang"],
    ["steps/format_lm", "lang", "corpus/lm.arpa", "lang_test"],
    ["steps/make_mfcc", f"--config={ROOT}/conf/mfcc.conf", "corpus/train", "mfcc"],
    ["steps/train_mono", "--jobs=1", "--num-iters=12", "--max-iter-inc=8", "--totgauss=150", "mfcc", "lang", "mono"],
    ["steps/make_graph", "lang_test", "mono", "graph"],
]  # fmt: skip


class Cost(NamedTuple):
    """Of one step: seconds of the processor and of the clock, and the memory of its largest process."""

    cpu: float
    megabytes: float


def run(work: Path, name: str, *words: str) -> Cost:
    """One step, alone."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    with open(work / "log", "ab") as log:
        process = subprocess.Popen([sys.executable, str(ROOT / name), *words], cwd=work, env=environment, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{name} failed:\n{(work / 'log').read_text()[-2000:]}")
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def hours_of(folder: Path) -> float:
    """Of the recordings of a data directory."""
    total = 0.0
    for line in (folder / "wav.scp").read_text().splitlines():
        with wave.open(str(folder.parent.parent / line.split()[1])) as recording:
            total += recording.getnframes() / recording.getframerate()
    return total / 3600


def repeat(source: Path, target: Path, copies: int) -> None:
    """A data directory with every utterance `copies` times, by as many times as many speakers."""
    target.mkdir()
    for name in ("wav.scp", "text", "utt2spk"):
        lines = [line.split(" ", 1) for line in (source / name).read_text().splitlines()]
        rows = []
        for copy in range(copies):
            mark = f"c{copy:04d}-"
            rows += [f"{mark}{key} {mark * (name == 'utt2spk')}{rest}" for key, rest in lines]
        (target / name).write_text("".join(f"{row}\n" for row in sorted(rows)))
    speakers: dict[str, list[str]] = {}
    for line in (target / "utt2spk").read_text().splitlines():
        utterance, speaker = line.split()
        speakers.setdefault(speaker, []).append(utterance)
    lines = [" ".join([speaker, *utterances]) for speaker, utterances in sorted(speakers.items())]
    (target / "spk2utt").write_text("".join(f"{line}\n" for line in lines))


def costs_of_steps(work: Path, number: int, round_frames: int) -> dict[str, Cost]:
    """Every step on data of one size."""
    data, size = f"mfcc{number}", str(number)
    frames = f"--frames-per-round={round_frames}"
    return {
        "make_mfcc": run(work, "steps/make_mfcc", "--jobs=1", f"--config={ROOT}/conf/mfcc.conf", f"data{size}", data),
        "align": run(work, "steps/align", "--jobs=1", "--max-skipped=1000000", data, "lang", "mono", f"ali{size}"),
        "make_frames": run(
            work, "steps/make_frames", "--max-skipped=1000000", *SHARES, data, f"ali{size}", f"frames{size}"
        ),
        "train_dnn": run(work, "steps/train_dnn", *DNN, frames, f"frames{size}", f"dnn{size}"),
        "decode": run(work, "steps/decode", "--jobs=1", data, "graph", "mono", f"decode{size}"),
    }


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=6.0, help="speech of the smallest size, about")
    parser.add_argument("--quick", action="store_true", help="little data, to see that it runs")
    options = parser.parse_args()
    sizes, workers = ([1, 2], [1]) if options.quick else ([1, 4, 16], [1, 2, 4, 8])
    work = Path(tempfile.mkdtemp(prefix="size."))
    try:
        for name, *words in PREPARE:
            run(work, name, *words)
        train = work / "corpus" / "train"
        copies = 1 if options.quick else max(1, round(options.minutes / 60 / hours_of(train)))
        hours = {size: size * copies * hours_of(train) for size in sizes}
        for size in sizes:
            repeat(train, work / f"data{size}", size * copies)
        found = {size: costs_of_steps(work, size, int(90_000 * hours[1] * 4)) for size in sizes}
        print(
            "| | " + " | ".join(f"{hours[size]:.2f} h: CPU s an hour, MB" for size in sizes) + " | growth (floor 1) |"
        )
        print("|---" * (len(sizes) + 2) + "|")
        for name in found[sizes[0]]:
            row = [found[size][name] for size in sizes]
            cells = [
                f"{cost.cpu / hours[size]:.1f}, {cost.megabytes:.0f}" for size, cost in zip(sizes, row, strict=True)
            ]
            slope = (
                (row[-1].cpu - row[0].cpu)
                / (hours[sizes[-1]] - hours[sizes[0]])
                / ((row[1].cpu - row[0].cpu) / (hours[sizes[1]] - hours[sizes[0]]))
            )
            print(f"| {name} | {' | '.join(cells)} | {slope:.2f} |")
        print(f"\n| workers, {hours[sizes[1]]:.2f} h | CPU s | MB |\n|---|---|---|")
        for number in workers:
            words = [*DNN, f"--initial-workers={number}", f"--final-workers={number}", "--frames-per-round=20000"]
            cost = run(work, "steps/train_dnn", *words, f"frames{sizes[1]}", f"dnn_workers{number}")
            print(f"| {number} | {cost.cpu:.1f} | {cost.megabytes:.0f} |")
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
