"""Alignment of utterances to their transcripts."""

import gzip
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from houseblend.base.atomic import atomic_open, write_text
from houseblend.base.errors import InputError
from houseblend.base.log import warn
from houseblend.gmm.diag import FEW_GAUSSIANS, AmDiagGmm
from houseblend.hmm.options import GraphOptions, PathOptions
from houseblend.hmm.search import SearchGraph, align
from houseblend.hmm.training_graph import TrainingGraphCompiler
from houseblend.hmm.transition_model import TransitionModel
from houseblend.hmm.tree import ContextDependency
from houseblend.io.holders import encode
from houseblend.io.lang_files import read_symbol_table
from houseblend.io.streams import read_text
from houseblend.io.tables import read_table
from houseblend.lang.sentences import NO_WORDS

SCALES, ACOUSTIC_SCALE = GraphOptions(), 0.1
RETRY = 4.0
GRAPHS_KEPT = 1000
"""Transcripts whose graphs are kept: copies of an utterance, at another speed or with noise, are compiled once."""
SILENCES = "cut long silences off (segments), make features with --dither=1 if silences are digital zeros"

Scorer = Callable[[SearchGraph, np.ndarray, str], np.ndarray | None]


@dataclass
class Unaligned:
    """Utterances that are left without an alignment.

    Args:
        total: how many utterances were to be aligned.
        beam: of the first try.
        short: those with too few frames for their transcripts.
        lost: those through whose transcripts no path was found.
    """

    total: int
    beam: float
    short: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.short) + len(self.lost)

    def __str__(self) -> str:
        """One sentence that names causes, and the first utterances of each."""
        causes = {
            "too few frames for their transcripts": self.short,
            f"no path through their transcripts within beam {self.beam:g}, nor {RETRY * self.beam:g}": self.lost,
        }
        told = [f"{len(keys)} have {cause} ({_some(keys)})" for cause, keys in causes.items() if keys]
        return f"{len(self)} of {self.total} utterances are not aligned: {', '.join(told)}"

    @property
    def advice(self) -> str:
        """What may help, by cause."""
        short = ["check the transcripts and times of those with too few frames"] if self.short else []
        lost = [f"try --beam={RETRY * self.beam:g}", SILENCES] if self.lost else []
        return ", ".join(short + lost)

    def require(self, most: int, data: Path, do: str) -> None:
        """Warn of them.

        Raises:
            InputError: there are more than `most`, or nothing is aligned; `do` says how to allow more.
        """
        if len(self) > most or len(self) == self.total:
            raise InputError(str(self), file=data, expected=f"at most {most}", do=f"{self.advice}, or {do}")
        if len(self):
            warn(f"{self}; {self.advice}")


def _some(keys: list[str], shown: int = 10) -> str:
    rest = [f"{len(keys) - shown} more"] if len(keys) > shown else []
    return ", ".join(keys[:shown] + rest)


class UtteranceAligner:
    """Compiles transcripts without transition probabilities, which the scorer adds from the model of the day.

    Args:
        transitions: a model with the tree's transition-ids.
        tree: the decision tree.
        lang: lang directory.
        silence: silence phones.
        boost_silence: factor on their likelihoods, above 0.
    """

    def __init__(
        self,
        transitions: TransitionModel,
        tree: ContextDependency,
        lang: Path,
        silence: Sequence[int],
        boost_silence: float,
    ) -> None:
        self._made_of = transitions, tree, lang, silence, boost_silence
        self._transitions = transitions
        self._graphs: dict[tuple[int, ...], SearchGraph] = {}
        self._silence_pdfs = sorted({pdf for phone, _, pdf in transitions.states if phone in set(silence)})
        self._boost = np.float32(np.log(boost_silence))

    def __reduce__(self) -> tuple[type, tuple]:
        return UtteranceAligner, self._made_of  # another process reads the lexicon itself

    @cached_property
    def _compiler(self) -> TrainingGraphCompiler:
        transitions, tree, lang, _, _ = self._made_of
        return TrainingGraphCompiler.from_files(transitions, tree, lang, GraphOptions(0.0, 0.0))

    def compile(self, words: Sequence[int] | None, key: str) -> SearchGraph:
        """The graph of one transcript.

        Raises:
            InputError: there is no transcript, or it cannot be pronounced.
        """
        if words is None:
            raise InputError("no transcript", key=key, do="run fix-data-dir on the data directory")
        spoken = tuple(words)
        graph = self._graphs.get(spoken)
        if graph is None:
            graph = SearchGraph(self._compiler.compile(words, key), self._transitions)
            if len(self._graphs) < GRAPHS_KEPT:
                self._graphs[spoken] = graph
        return graph

    def equal(self, graph: SearchGraph, frames: int, key: str) -> np.ndarray | None:
        """An even path of `frames` transition-ids, [frames]; see `equal_path`."""
        labels = equal_path(graph.fst, frames, key)
        return None if labels is None else graph.transition_ids[labels]

    def scorer(self, transitions: TransitionModel, mixtures: AmDiagGmm, beam: float) -> Scorer:
        """A function of graph, features [T, D] and key that gives the best path [T], or None where it finds none."""
        id_scores = transitions.scaled_log_probs(SCALES.transition_scale, SCALES.self_loop_scale)
        options = PathOptions(ACOUSTIC_SCALE, beam, RETRY * beam)

        def score(graph: SearchGraph, feats_TD: np.ndarray, key: str) -> np.ndarray | None:
            if mixtures.num_gaussians > FEW_GAUSSIANS:
                loglikes = mixtures.log_likelihoods_of(np.unique(graph.columns), feats_TD, key)
            else:
                loglikes = mixtures.log_likelihoods(feats_TD, key)
            loglikes[:, self._silence_pdfs] += self._boost
            return align(graph, loglikes, options, key, id_scores)

        return score


def equal_path(fst: Any, frames: int, key: str) -> np.ndarray | None:
    """Input labels of a random path, its self-loops repeated so that it has `frames` labels (Kaldi's EqualAlign).

    Args:
        fst: kaldifst transducer with transition-ids, or numbers for them, on its input.
        frames: length wanted.
        key: of the utterance; it decides about the path, as in Kaldi.

    Returns:
        int32, [frames]; None if ten random paths were longer than that.
    """
    import kaldifst

    found, path = kaldifst.equal_align(kaldifst.StdVectorFst(fst), frames, _hash(key), 10)
    if not found:
        return None
    _, labels, _, _ = kaldifst.get_linear_symbol_sequence(path)
    return np.array(labels, dtype=np.int32)


def _hash(key: str) -> int:
    """Kaldi's hash of a string (util/stl-utils.h), the lower 32 bits as a signed number."""
    value = 0
    for byte in np.frombuffer(key.encode(), dtype=np.int8).tolist():
        value = (value * 7853 + byte) & 0xFFFFFFFF
    return value - (1 << 32) if value >= 1 << 31 else value


def read_transcripts(data: Path, lang: Path) -> dict[str, list[int]]:
    """Word ids of every utterance of a data directory; unknown words become the lang directory's oov word.

    Raises:
        InputError: an empty transcript, a symbol that is no word, no known word in any, or an oov word that is unknown itself.
    """
    words = read_symbol_table(lang / "words.txt")
    oov = read_text(lang / "oov.int").strip()
    if oov not in map(str, words.values()):
        raise InputError("not a word of words.txt", file=lang / "oov.int", key=oov, do="make it with prepare_lang")
    transcripts: dict[str, list[int]] = {}
    unknown: dict[str, int] = {}
    for line, (key, text) in enumerate(read_table(f"ark:{data}/text", "tokens"), start=1):
        if not text:
            raise InputError(
                "an empty transcript",
                file=data / "text",
                line=line,
                key=key,
                do="write its words, or leave it out (subset-data-dir)",
            )
        for word in text:
            if word not in words:
                unknown[word] = unknown.get(word, 0) + 1
            elif word in NO_WORDS:
                what = f"{word} is a symbol of the lang directory, and no word that can be spoken"
                do = "take it out, or write the word that was said"
                raise InputError(what, file=data / "text", line=line, key=key, do=do)
        transcripts[key] = [words.get(word, int(oov)) for word in text]
    if unknown:
        listed = ", ".join(f"{word} ({count})" for word, count in sorted(unknown.items())[:10])
        warn(f"{data}/text: {len(unknown)} words are not in the lexicon and become the oov word: {listed}")
        if sum(unknown.values()) == sum(map(len, transcripts.values())):
            raise InputError(
                "no word of the transcripts is in the lexicon",
                file=data / "text",
                do="use the lang directory of this language",
            )
    return transcripts


def write_alignments(out: Path, entries: Iterable[tuple[str, np.ndarray]]) -> None:
    """Write ali.1.gz and num_jobs, as Kaldi's steps do; the bytes depend on the alignments only."""
    with atomic_open(out / "ali.1.gz") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
        for key, ids in entries:
            packed.write(key.encode() + b" " + encode("int-vector", ids, binary=True))
    write_text(out / "num_jobs", "1\n")
