"""Estimation of a trigram model beside sorting its n-grams: python tests/bench/bench_lm.py [--quick]

From a file of text to an ARPA file, modified Kneser-Ney. Words are drawn by Zipf's law, each in half of all cases one of
two that its word before leads to, so that n-grams come again. The floor is numpy's sort of the packed n-grams of each order,
numbers at hand: without it nobody can count them.
"""

import argparse
import tempfile
from pathlib import Path

from timing import Lines, alternate, pin

pin()

import numpy as np

from houseblend.lang import train_lm as stages
from houseblend.lang.options import LmOptions
from houseblend.lang.sentences import Vocabulary, read_sentences

WORDS, SENTENCE, ORDER = 10_000, 12, 3


def draw_text(count: int) -> str:
    """So many words in sentences of one length."""
    draw = np.random.default_rng(1)
    words = np.minimum(draw.zipf(1.3, count), WORDS)
    led = draw.random(count) < 0.5
    for place in range(1, count):
        if led[place]:
            words[place] = (31 * words[place - 1] + words[place] % 2) % WORDS
    rows = words[: count // SENTENCE * SENTENCE].reshape(-1, SENTENCE)
    return "".join(" ".join(f"w{word}" for word in row) + "\n" for row in rows.tolist())


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short text, to see that it runs")
    count = 5_000 if parser.parse_args().quick else 500_000
    with tempfile.TemporaryDirectory() as folder:
        text, arpa = f"{folder}/text", f"{folder}/lm.arpa"
        Path(text).write_text(draw_text(count))
        windows_NK = read_sentences(text, Vocabulary()).windows(ORDER).astype(np.int64) + 1
        packed = [windows_NK[:, -order:] @ (WORDS + 3) ** np.arange(order)[::-1] for order in range(1, ORDER + 1)]

        def ours() -> None:
            stages.train_lm(text, arpa, LmOptions(order=ORDER))

        floor, seconds = alternate(lambda: [np.sort(keys) for keys in packed], ours)
        print(f"lm-train, {count} words: {seconds:.2f} s, the floor (sorting the n-grams) {floor:.2f} s;")
        print(f"    floor / ours {floor / seconds:.3f}, {count / seconds / 1e3:.0f} thousand words a second; of ours:")
        lines = Lines()
        lines.count("reading", stages, "read_sentences")
        lines.count("estimation", stages, "estimate")
        lines.count("writing", stages, "write_arpa")
        lines.show(ours)


if __name__ == "__main__":
    main()
