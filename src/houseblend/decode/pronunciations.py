"""How the words of a data directory were pronounced, by an alignment, and where silence was between them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from houseblend.base.errors import InputError
from houseblend.base.log import log, warn
from houseblend.decode.word_alignment import AlignmentLexicon
from houseblend.frames.make import read_alignments
from houseblend.gmm.align import read_transcripts
from houseblend.hmm.alignment import phone_segments
from houseblend.hmm.transition_model import TransitionModel
from houseblend.io.lang_files import read_symbol_table
from houseblend.lang.pron_counts import Key, write_counts
from houseblend.lang.word_positions import without_position


def count_pronunciations(data: Path, lang: Path, ali: Path, out: Path, max_skipped: int) -> None:
    """Write pron_counts_nowb.txt, sil_counts_nowb.txt and pron_bigram_counts_nowb.txt, as Kaldi's get_prons does.

    Args:
        data: data directory with transcripts.
        lang: lang directory of the alignment.
        ali: alignment directory.
        out: directory to write.
        max_skipped: utterances whose phones may not be those of their words.

    Raises:
        InputError: more of them; or nothing is left.
    """
    out.mkdir(parents=True, exist_ok=True)
    names = ("pron_counts_nowb.txt", "sil_counts_nowb.txt", "pron_bigram_counts_nowb.txt")
    write_counts(_spoken(data, lang, ali, max_skipped), *(out / name for name in names))


def divided(words: Sequence[int], phones: Sequence[int], lexicon: AlignmentLexicon) -> list[tuple[int, int]] | None:
    """The words of an utterance, 0 for silence between them, each with the place behind its last phone.

    Args:
        words: word ids.
        phones: phone ids.
        lexicon: pronunciations.

    Returns:
        The first division found, words before silence; None if there is none.
    """
    path: list[tuple[int, int]] = []
    dead: set[tuple[int, int]] = set()
    ways = [_ways(words, phones, 0, 0, lexicon)]
    while ways:
        done, place = sum(word != 0 for word, _ in path), path[-1][1] if path else 0
        if done == len(words) and place == len(phones):
            return path
        way = next((way for way in ways[-1] if (done + (way[0] != 0), way[1]) not in dead), None)
        if way is None:
            dead.add((done, place))
            ways.pop()
            path = path[:-1]
        else:
            path.append(way)
            ways.append(_ways(words, phones, done + (way[0] != 0), way[1], lexicon))
    return None


def _ways(
    words: Sequence[int], phones: Sequence[int], done: int, place: int, lexicon: AlignmentLexicon
) -> Iterator[tuple[int, int]]:
    """The next word or silence, and the place behind it, at a place of the phones with so many words done."""
    for word in (*words[done : done + 1], 0):
        for end in range(place + 1, min(place + lexicon.longest, len(phones)) + 1):
            if (word, *phones[place:end]) in lexicon.entries:
                yield word, end


def _spoken(data: Path, lang: Path, ali: Path, max_skipped: int) -> Iterator[list[Key]]:
    lexicon = AlignmentLexicon.read(lang / "phones/align_lexicon.int")
    word_of, phone_of = (
        {number: name for name, number in read_symbol_table(lang / f"{kind}.txt").items()}
        for kind in ("words", "phones")
    )
    if (lang / "phones/word_boundary.int").exists():
        phone_of = {number: without_position(name) for number, name in phone_of.items()}
    transitions, transcripts = TransitionModel.load(ali / "final.mdl"), read_transcripts(data, lang)
    counted = skipped = 0
    for key, ids in read_alignments(ali).items():
        phones = [phone for phone, _, _ in phone_segments(ids, transitions, key)]
        found = divided(transcripts[key], phones, lexicon) if key in transcripts else None
        if found is None:
            what = "the phones are not those of the words" if key in transcripts else "no transcript"
            failure = InputError(what, file=ali, key=key, do="align it again, or leave it out: --max-skipped")
            skipped += 1
            if skipped > max_skipped:
                raise failure
            warn(f"left out: {failure}")
            continue
        places = [0, *(end for _, end in found)]
        counted += 1
        yield [
            (word_of[word], tuple(phone_of[phone] for phone in phones[first:end]))
            for (word, end), first in zip(found, places, strict=False)
        ]
    log(f"counted {counted} utterances; left out: {skipped}")
    if not counted:
        raise InputError("no utterance could be counted", file=ali, do="check that lang and alignment belong together")
