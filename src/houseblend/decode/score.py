"""Scoring of a decoding over language-model weights and insertion penalties, chosen on a development set."""

from dataclasses import asdict
from pathlib import Path

from houseblend.base.atomic import write_json, write_text
from houseblend.base.errors import InputError
from houseblend.base.fingerprint import hash_bytes
from houseblend.decode.lattice_dir import read_lattices
from houseblend.decode.options import ScoreOptions
from houseblend.decode.wer import Counts, align_words, interval, score_all, total
from houseblend.decode.word_network import Pair
from houseblend.io.json_files import read_json
from houseblend.io.lang_files import read_symbol_table
from houseblend.io.streams import read_text
from houseblend.io.tables import read_by_key
from houseblend.io.text import lines_of, words_of

ABSENT = "***"
"""Stands in alignments where one side has no word."""


def score(data: Path, graph: Path, decoding: Path, out: Path, options: ScoreOptions, chosen_on: Path | None) -> None:
    """Write wer with a line for each pair, the best pair, alignments by utterance, and `score.json` with the interval.

    Args:
        data: data directory with text.
        graph: graph or lang directory with words.txt.
        decoding: decode directory with lat.*.gz.
        out: directory to write.
        options: language-model weights and word insertion penalties to try.
        chosen_on: score directory of the development set that weight and penalty are taken from; None: choose here.

    Raises:
        InputError: data and decoding do not fit, or a word is not in words.txt.
    """
    from houseblend.decode.best_words import BestWords  # compiled code takes time to load

    names = {number: word for word, number in read_symbol_table(graph / "words.txt").items()}
    references = read_by_key(f"ark:{data}/text", "tokens")
    lattices = {key: BestWords(lattice) for key, lattice in read_lattices(decoding)}
    pairs = [read_choice(chosen_on)] if chosen_on else options.pairs()
    results: dict[tuple[int, float], tuple[dict[str, Counts], dict[str, list[str]]]] = {}
    for weight, penalty in pairs:
        hypotheses = {
            key: [names.get(word, f"#{word}") for word in lattice.words(1.0, 1.0 / weight, penalty)]
            for key, lattice in lattices.items()
        }
        results[weight, penalty] = score_all(references, hypotheses, "all")[0], hypotheses
    write_text(out / "wer", "".join(_line(counts, pair) for pair, (counts, _) in results.items()))
    best = middle_of_plateau({pair: total(counts).errors for pair, (counts, _) in results.items()})
    counts, hypotheses = results[best]
    pairs = {key: kinds_of(align_words(references[key], hypotheses.get(key, []))) for key in counts}
    write_score(out, counts, pairs, best, chosen_on, {key: " ".join(references[key]) for key in counts})


def write_score(
    out: Path, counts: dict[str, Counts], pairs: dict[str, list[Pair]], chosen: tuple[int, float], chosen_on: Path | None,
    references: dict[str, str],
) -> None:  # fmt: skip
    """Write best_wer, `score.json` and the alignments per_utt of a score directory.

    Args:
        out: directory to write.
        counts: by utterance.
        pairs: kind, word of the reference and of the hypothesis, by utterance.
        chosen: language-model weight and word insertion penalty.
        chosen_on: score directory that they are taken from; None: chosen here.
        references: transcripts by utterance, which two scores must share to be compared.
    """
    low, high = interval(counts)
    summed = total(counts)
    write_json(
        out / "score.json",
        {
            "lm_weight": chosen[0], "insertion_penalty": chosen[1], "wer": summed.rate, "low": low, "high": high,
            "chosen_on": "itself" if chosen_on is None else "another set", **asdict(summed),
            "reference": hash_bytes(repr(sorted(references.items())).encode()),
            "utterances": {key: asdict(one) for key, one in counts.items()},
        },
    )  # fmt: skip
    write_text(out / "best_wer", _line(counts, chosen, f"[ 95 % interval {low:.2f} to {high:.2f} ] "))
    write_text(out / "per_utt", "".join(alignment_lines(key, pairs[key]) for key in counts))


def _line(counts: dict[str, Counts], pair: tuple[int, float], interval_words: str = "") -> str:
    return f"{_wer_line(total(counts))} {interval_words}lmwt {pair[0]} wip {pair[1]:.1f}\n"


def middle_of_plateau(errors: dict[tuple[int, float], int]) -> tuple[int, float]:
    """Of the pairs (weight, penalty) that are as good as the best the one nearest to the centre of them all.

    As good are those within one standard error of the fewest errors (Breiman et al. 1984, section 3.4.3), errors being
    counted as Poisson's: a small development set cannot tell them apart, and their middle is the least likely to be at
    an edge elsewhere.
    """
    fewest = min(errors.values())
    tied = sorted(pair for pair, count in errors.items() if count <= fewest + fewest**0.5)
    spread = [max(pair[axis] for pair in errors) - min(pair[axis] for pair in errors) or 1 for axis in (0, 1)]
    centre = [sum(pair[axis] for pair in tied) / len(tied) for axis in (0, 1)]
    return min(tied, key=lambda pair: sum(((pair[axis] - centre[axis]) / spread[axis]) ** 2 for axis in (0, 1)))


def read_counts(score_dir: Path) -> dict[str, Counts]:
    """Counts by utterance of a score directory; InputError if it is none."""
    counts = {}
    for key, one in _read_score(score_dir)["utterances"].items():
        try:
            counts[key] = Counts(**one)
            if not all(type(count) is int and count >= 0 for count in one.values()):
                raise ValueError("counts")
        except (TypeError, ValueError):
            expected = "numbers of words, insertions, deletions, substitutions"
            raise InputError(
                "no counts", file=score_dir / "score.json", key=key, expected=expected, do="run score"
            ) from None
    return counts


def read_reference(score_dir: Path) -> str:
    """SHA-256 of the transcripts that a score directory was scored on; InputError if it is none."""
    return read_json(score_dir / "score.json", {"reference": str}, "run score")["reference"]


def wer_lines(counts: dict[str, Counts], missing: int) -> str:
    """What Kaldi's compute-wer prints."""
    wrong = sum(1 for one in counts.values() if one.errors)
    return (
        f"{_wer_line(total(counts))}{' [PARTIAL]' if missing else ''}\n%SER {100 * wrong / len(counts):.2f} [ {wrong} / {len(counts)} ]\n"
        f"Scored {len(counts)} sentences, {missing} not present in hyp.\n"
    )


def _wer_line(summed: Counts) -> str:
    return (
        f"%WER {summed.rate:.2f} [ {summed.errors} / {summed.words}, {summed.insertions} ins, {summed.deletions} del, "
        f"{summed.substitutions} sub ]"
    )


def alignment_lines(key: str, pairs: list[Pair]) -> str:
    """Reference, hypothesis, kind of each pair (C S I D), and counts, as Kaldi's per_utt."""
    kinds = [kind for kind, _, _ in pairs]
    rows = [
        ("ref", [ref or ABSENT for _, ref, _ in pairs]),
        ("hyp", [hyp or ABSENT for _, _, hyp in pairs]),
        ("op", kinds),
    ]
    widths = [max(len(row[1][index]) for row in rows) for index in range(len(pairs))]
    lines = [
        f"{key} {name:4}" + " ".join(word.center(width) for word, width in zip(words, widths, strict=True))
        for name, words in rows
    ]
    return "\n".join([*lines, f"{key} #csid {' '.join(str(kinds.count(kind)) for kind in 'CSID')}", ""])


def kinds_of(pairs: list[tuple[str | None, str | None]]) -> list[Pair]:
    """Aligned words with the kind of each pair before them."""
    return [
        Pair("I" if ref is None else "D" if hyp is None else "C" if ref == hyp else "S", ref, hyp) for ref, hyp in pairs
    ]


def read_pairs(score_dir: Path) -> dict[str, list[Pair]]:
    """The aligned words of every utterance of a score directory.

    Raises:
        InputError: it has no per_utt, or one whose rows do not fit together.
    """
    path = score_dir / "per_utt"
    rows: dict[str, dict[str, list[str]]] = {}
    for line in lines_of(read_text(path)):
        words = words_of(line)
        rows.setdefault("".join(words[:1]), {})["".join(words[1:2])] = words[2:]
    return {key: _pairs(found, path, key) for key, found in rows.items()}


def _pairs(rows: dict[str, list[str]], path: Path, key: str) -> list[Pair]:
    """The inverse of `alignment_lines`."""
    if not {"ref", "hyp", "op"} <= rows.keys() or len({len(rows[name]) for name in ("ref", "hyp", "op")}) > 1:
        expected = "rows ref, hyp and op of as many words each"
        raise InputError("no alignment", file=path, key=key, expected=expected, do="run score again")
    return [
        Pair(kind, None if ref == ABSENT else ref, None if hyp == ABSENT else hyp)
        for kind, ref, hyp in zip(rows["op"], rows["ref"], rows["hyp"], strict=True)
    ]


def read_kinds(score_dir: Path) -> dict[str, str]:
    """The kinds of the pairs of every utterance of a score directory, one letter each; InputError if it is none."""
    return {key: "".join(pair.kind for pair in pairs) for key, pairs in read_pairs(score_dir).items()}


def read_summary(score_dir: Path) -> dict[str, float]:
    """Rate and ends of its 95 % interval in %, words and errors by kind of a score directory; InputError if it is none."""
    names = ("wer", "low", "high", "words", "insertions", "deletions", "substitutions")
    found = read_json(score_dir / "score.json", dict.fromkeys(names, float), "run score")
    return {name: float(found[name]) for name in names}


def read_choice(score_dir: Path) -> tuple[int, float]:
    """Language-model weight and insertion penalty of a score directory; InputError if it is none."""
    value = _read_score(score_dir)
    return value["lm_weight"], value["insertion_penalty"]


def _read_score(score_dir: Path) -> dict:
    fields = {"lm_weight": int, "insertion_penalty": float, "utterances": dict}
    return read_json(score_dir / "score.json", fields, "run score")
