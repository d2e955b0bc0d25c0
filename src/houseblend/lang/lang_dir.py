"""The lang directory, as Kaldi's utils/prepare_lang.sh writes it."""

import functools
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from houseblend.base.atomic import write_text
from houseblend.base.errors import InputError
from houseblend.io.lang_files import read_symbol_table
from houseblend.lang.arpa import arpa_graph
from houseblend.lang.arpa_model import read_arpa
from houseblend.lang.fst import write_graph
from houseblend.lang.lexicon import Dictionary, Entry, add_disambiguation, lexicon_file, lexicon_graph
from houseblend.lang.options import GrammarOptions, LexiconOptions
from houseblend.lang.silence_lexicon import silence_lexicon_graph
from houseblend.lang.word_positions import with_word_positions, word_boundaries

NONSILENCE_STATES, SILENCE_STATES = 3, 5


def prepare_lang(dictionary: Path, out: Path, options: LexiconOptions) -> None:
    """Write a lang directory.

    Args:
        dictionary: directory with the lexicon and the phone lists.
        out: directory to write.
        options: the word for words outside the lexicon, the probability of optional silence (where the dictionary does not
            know it by word), and whether phones tell where in
            a word they stand (`lang/word_positions.py`).

    Raises:
        InputError: the dictionary is wrong, or lacks the oov word.
    """
    content, oov = Dictionary.read(dictionary), options.oov
    if options.position_dependent_phones:
        content = with_word_positions(content)
    if oov not in {entry.word for entry in content.entries}:
        raise InputError(
            "the oov word is not in the lexicon",
            file=lexicon_file(dictionary),
            key=oov,
            do="add it, or name another by --oov",
        )
    marked, used = add_disambiguation(content.entries)
    silences = [phone for group in content.silence for phone in group]
    nonsilences = [phone for group in content.nonsilence for phone in group]
    disambiguation = [f"#{number}" for number in range(used + 2)]
    phone_ids = {name: index for index, name in enumerate(["<eps>", *silences, *nonsilences, *disambiguation])}
    words = sorted({entry.word for entry in content.entries})
    word_ids = {name: index for index, name in enumerate(["<eps>", *words, "#0", "<s>", "</s>"])}
    (out / "phones").mkdir(parents=True, exist_ok=True)
    _write_symbols(out / "phones.txt", phone_ids)
    _write_symbols(out / "words.txt", word_ids)
    write_text(out / "oov.txt", oov + "\n")
    write_text(out / "oov.int", f"{word_ids[oov]}\n")
    for name, phones in (
        ("silence", silences), ("nonsilence", nonsilences), ("optional_silence", [content.optional_silence]),
        ("context_indep", silences), ("disambig", disambiguation),
    ):  # fmt: skip
        _write_list(out / "phones" / name, phones, phone_ids)
    groups = content.silence + content.nonsilence
    _write_rows(out / "phones" / "sets", [(group, "") for group in groups], phone_ids)
    _write_rows(out / "phones" / "roots", [(group, "shared split ") for group in groups], phone_ids)
    _write_rows(out / "phones" / "extra_questions", [(group, "") for group in content.questions], phone_ids)
    if options.position_dependent_phones:
        _write_word_boundaries(out / "phones" / "word_boundary", word_boundaries(content), phone_ids)
    _write_word_disambiguation(out / "phones", phone_ids, word_ids)
    _write_align_lexicon(out / "phones" / "align_lexicon", content, phone_ids, word_ids)
    write_text(out / "topo", _topology([phone_ids[p] for p in silences], [phone_ids[p] for p in nonsilences]))
    ids, loop = (phone_ids, word_ids), (phone_ids["#0"], word_ids["#0"])
    if content.sentence_silence is None:
        make = functools.partial(lexicon_graph, silence_probability=options.sil_prob)
    else:
        make = functools.partial(silence_lexicon_graph, sentence=content.sentence_silence)
    write_graph(out / "L.fst", make(content.entries, *ids, silence_phone=content.optional_silence))
    marks = {"silence_disambiguation": disambiguation[-1], "loop_symbols": loop}
    write_graph(out / "L_disambig.fst", make(marked, *ids, silence_phone=content.optional_silence, **marks))


def format_lm(lang: Path, arpa: Path, out: Path, options: GrammarOptions) -> None:
    """Copy a lang directory and add G.fst, made from an ARPA language model; one that loses probability is told.

    Raises:
        InputError: the file is broken, its probabilities behind a history sum to more than one, or those of its 1-grams
            to more than the options allow.
    """
    read_arpa(arpa, options.max_unigram_sum)
    graph = arpa_graph(arpa, read_symbol_table(lang / "words.txt"))
    shutil.copytree(
        lang, out, dirs_exist_ok=True, ignore=lambda _, names: [name for name in names if name.startswith(".")]
    )
    write_graph(out / "G.fst", graph)


def _write_symbols(path: Path, table: dict[str, int]) -> None:
    write_text(path, "".join(f"{name} {number}\n" for name, number in table.items()))


def _write_list(path: Path, phones: Sequence[str], ids: dict[str, int]) -> None:
    write_text(path.with_suffix(".txt"), "".join(f"{phone}\n" for phone in phones))
    write_text(path.with_suffix(".int"), "".join(f"{ids[phone]}\n" for phone in phones))
    write_text(path.with_suffix(".csl"), ":".join(str(ids[phone]) for phone in phones) + "\n")


def _write_rows(path: Path, rows: Iterable[tuple[Sequence[str], str]], ids: dict[str, int]) -> None:
    rows = list(rows)
    write_text(path.with_suffix(".txt"), "".join(f"{head}{' '.join(phones)}\n" for phones, head in rows))
    write_text(
        path.with_suffix(".int"), "".join(f"{head}{' '.join(str(ids[p]) for p in phones)}\n" for phones, head in rows)
    )


def _write_word_boundaries(path: Path, boundaries: dict[str, str], ids: dict[str, int]) -> None:
    write_text(path.with_suffix(".txt"), "".join(f"{phone} {what}\n" for phone, what in boundaries.items()))
    write_text(path.with_suffix(".int"), "".join(f"{ids[phone]} {what}\n" for phone, what in boundaries.items()))


def _write_word_disambiguation(folder: Path, phone_ids: dict[str, int], word_ids: dict[str, int]) -> None:
    write_text(folder / "wdisambig.txt", "#0\n")
    write_text(folder / "wdisambig_phones.int", f"{phone_ids['#0']}\n")
    write_text(folder / "wdisambig_words.int", f"{word_ids['#0']}\n")


def _write_align_lexicon(path: Path, content: Dictionary, phone_ids: dict[str, int], word_ids: dict[str, int]) -> None:
    entries = [*content.entries, Entry("<eps>", (content.optional_silence,))]
    texts = {f"{word} {word} {' '.join(phones)}": (word, phones) for word, phones, *_ in entries}
    rows = sorted(texts)
    write_text(path.with_suffix(".txt"), "".join(f"{row}\n" for row in rows))
    named = [texts[row] for row in rows]
    numbers = [[word_ids[word], word_ids[word], *(phone_ids[phone] for phone in phones)] for word, phones in named]
    write_text(path.with_suffix(".int"), "".join(f"{' '.join(map(str, row))}\n" for row in numbers))


def _topology(silences: Sequence[int], nonsilences: Sequence[int]) -> str:
    """Three states from left to right for speech; five for silence, the middle ones fully connected (gen_topo.pl)."""
    lines = ["<Topology>", *_entry(nonsilences, [[(s, 0.75), (s + 1, 0.25)] for s in range(NONSILENCE_STATES)])]
    last = SILENCE_STATES - 1
    inner = 1.0 / last
    states = [[(target, inner) for target in range(last)]]
    states += [[(target, inner) for target in range(1, SILENCE_STATES)] for _ in range(1, last)]
    states += [[(last, 0.75), (SILENCE_STATES, 0.25)]]
    return "\n".join([*lines, *_entry(silences, states), "</Topology>", ""])


def _entry(phones: Sequence[int], states: Sequence[Sequence[tuple[int, float]]]) -> list[str]:
    lines = ["<TopologyEntry>", "<ForPhones>", " ".join(map(str, phones)), "</ForPhones>"]
    for number, transitions in enumerate(states):
        arcs = " ".join(f"<Transition> {target} {probability:g}" for target, probability in transitions)
        lines.append(f"<State> {number} <PdfClass> {number} {arcs} </State>")
    return [*lines, f"<State> {len(states)} </State>", "</TopologyEntry>"]
