"""Words of lattices with their times in recordings, as Kaldi's get_ctm and convert_ctm.pl write them."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from houseblend.base.errors import InputError
from houseblend.base.log import warn
from houseblend.decode.lattice_dir import read_lattices
from houseblend.decode.mbr import timed_words
from houseblend.decode.paths import best_path
from houseblend.decode.stm_ctm import TimedWord
from houseblend.decode.word_alignment import AlignmentLexicon, align_words
from houseblend.feat.segments import read_segments
from houseblend.hmm.transition_model import TransitionModel
from houseblend.io.lang_files import read_symbol_table
from houseblend.io.tables import read_script

FRAME_SHIFT = 0.01
Place = tuple[str, str, float]
"""File, channel, and second of the file at which an utterance begins."""


def utterance_places(data: Path) -> dict[str, Place]:
    """Where every utterance of a data directory with segments and reco2file_and_channel stands.

    Raises:
        InputError: a file is missing, a line is broken, or a recording has no file and channel.
    """
    channels: dict[str, list[str]] = {
        key: value.split() for key, value, _ in read_script(str(data / "reco2file_and_channel"))
    }
    places = {}
    for segment in read_segments(data / "segments"):
        if len(channels.get(segment.recording, ())) != 2:
            raise InputError(
                "no file and channel", file=data / "reco2file_and_channel", key=segment.recording, do="write its line"
            )
        file, channel = channels[segment.recording]
        places[segment.key] = (file, channel, segment.start)
    return places


def lattice_words(
    decoding: Path, graph: Path, model: Path, places: Mapping[str, Place], weight: float,
    penalty: float, keep: Callable[[str], bool],
) -> Iterator[TimedWord]:  # fmt: skip
    """Words of the best paths with times.

    Args:
        decoding: decode directory.
        graph: graph directory with words.txt and phones/align_lexicon.int.
        model: model directory with final.mdl.
        places: of the utterances.
        weight: language-model weight.
        penalty: word insertion penalty.
        keep: whether a word is wanted.

    Raises:
        InputError: an utterance without its place, a lattice that does not fit, or files that are missing or broken.
    """
    names = {number: word for word, number in read_symbol_table(graph / "words.txt").items()}
    lexicon = AlignmentLexicon.read(graph / "phones" / "align_lexicon.int")
    transitions = TransitionModel.load(model / "final.mdl")
    for key, lattice in read_lattices(decoding):
        if key not in places:
            raise InputError(
                "an utterance that the segments do not have", file=decoding, key=key, do="decode this data directory"
            )
        path = best_path(lattice, 1.0, 1.0 / weight, penalty)
        if path is None:
            warn(f"{decoding}: [{key}] no path")
            continue
        file, channel, start = places[key]
        try:
            timed = timed_words(align_words(path.lattice(), lexicon, transitions), decode=False)
        except InputError as failure:
            raise failure.but(file=decoding, key=key) from None
        for number, begin, end, _ in timed:
            name = names.get(number, f"#{number}")
            if keep(name):
                begins, lasts = start + begin * FRAME_SHIFT, (end - begin) * FRAME_SHIFT
                yield TimedWord(file, channel, begins, lasts, name, None, 0)
