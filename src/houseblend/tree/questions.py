"""Questions that trees may ask: sets of values of each key (Kaldi's tree/build-tree-questions, compile-questions)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from houseblend.base.errors import InputError
from houseblend.base.log import warn
from houseblend.hmm.topology import HmmTopology
from houseblend.hmm.tree import PDF_CLASS_KEY
from houseblend.io.objects import MAX_DIM, KaldiInput, KaldiOutput, open_input

CLUSTERS_NEAR = 2
"""Kaldi's top-n of the refinement; a question makes two clusters."""


@dataclass(frozen=True)
class KeyQuestions:
    """The questions of one key.

    Args:
        sets: a question each: is the value one of these?
        refinements: how often values may go over to the other side after the best question is found; 0: never.
    """

    sets: tuple[tuple[int, ...], ...]
    refinements: int = 0


Questions = dict[int, KeyQuestions]
"""Questions by key: a position in the window, or PDF_CLASS_KEY."""


def compile_questions(
    phone_sets: Sequence[Sequence[int]], topology: HmmTopology, width: int = 3, refinements: int = 0
) -> Questions:
    """Questions of all positions of the window, and of pdf-classes: below the first, below the second, ...

    Args:
        phone_sets: questions about phones.
        topology: its phones and pdf-classes are asked about.
        width: phones of the window.
        refinements: of each key.

    Raises:
        InputError: a phone twice in a set, or more phones than the topology has.
    """
    for phones in phone_sets:
        if len(set(phones)) < len(phones):
            raise InputError(f"a phone twice in the question {list(phones)}", do="remove it")
    asked = {phone for phones in phone_sets for phone in phones}
    if asked != set(topology.phones):
        different = sorted(asked ^ set(topology.phones))
        if len(asked) > len(topology.phones):
            raise InputError(
                f"questions about phones {different}, which the topology lacks",
                do="use questions and topo of one lang directory",
            )
        warn(f"questions and topology disagree about phones {different}")
    classes = max(topology.num_pdf_classes(phone) for phone in topology.phones)
    about_phones = KeyQuestions(tuple(sorted({tuple(sorted(phones)) for phones in phone_sets})), refinements)
    about_classes = KeyQuestions(tuple(tuple(range(last)) for last in range(1, classes)), refinements)
    return {PDF_CLASS_KEY: about_classes, **dict.fromkeys(range(width), about_phones)}


def read_questions(rxfilename: str | Path) -> Questions:
    """Read Kaldi's file of questions.

    Raises:
        InputError: it is another, or a question is not sorted.
    """
    with open_input(rxfilename) as source:
        questions = _read(source)
        source.stream.expect_end()
    return questions


def _read(source: KaldiInput) -> Questions:
    source.expect("<Questions>")
    questions: Questions = {}
    while (token := source.read_token()) == "<Key>":
        key = source.read_int()
        source.expect("<QuestionsForKey>")
        count = source.read_int()
        if key in questions or not 0 <= count < MAX_DIM:
            raise source.fail(f"{count} questions of key {key}", f"every key once, with at most {MAX_DIM} questions")
        sets = []
        for _ in range(count):
            values = tuple(source.read_int_vector().tolist())
            if list(values) != sorted(set(values)) or (values and values[0] < 0):
                raise source.fail(f"found the question {list(values)}"[:100], "values that grow from 0 or more")
            sets.append(values)
        source.expect("<RefineClustersOptions>")
        questions[key] = KeyQuestions(tuple(sets), source.read_int())
        if (near := source.read_int()) < CLUSTERS_NEAR:
            raise source.fail(f"found {near} clusters to choose from", f"{CLUSTERS_NEAR} or more")
        source.expect("</RefineClustersOptions>", "</QuestionsForKey>")
    if token != "</Questions>":
        raise source.fail(f"found {token[:60]!r}", "<Key> or </Questions>")
    return questions


def write_questions(target: KaldiOutput, questions: Questions) -> None:
    """Write Kaldi's form."""
    target.write_token("<Questions>")
    for key in sorted(questions):
        target.write_token("<Key>")
        target.write_int(key)
        _write_key(target, questions[key])
    target.write_token("</Questions>")


def _write_key(target: KaldiOutput, questions: KeyQuestions) -> None:
    target.write_token("<QuestionsForKey>")
    target.write_int(len(questions.sets))
    for values in questions.sets:
        target.write_int_vector(values)
    target.write_token("<RefineClustersOptions>")
    target.write_int(questions.refinements)
    target.write_int(CLUSTERS_NEAR)
    target.write_token("</RefineClustersOptions>")
    target.write_token("</QuestionsForKey>")
