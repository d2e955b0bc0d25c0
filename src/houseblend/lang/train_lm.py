"""A language model from texts: counts, estimation, mixture, pruning, perplexity."""

from collections import Counter

from houseblend.base.log import log, warn
from houseblend.lang.arpa_model import read_arpa, write_arpa
from houseblend.lang.entropy_pruning import prune
from houseblend.lang.kneser_ney import estimate
from houseblend.lang.ngram_model import NgramModel, Perplexity, mix, mixture_weight, perplexity
from houseblend.lang.options import LmOptions
from houseblend.lang.sentences import Vocabulary, read_sentences

_SHOWN = 10


def train_lm(
    text: str, out: str, options: LmOptions, vocabulary: str | None = None, background: str | None = None,
    held_out: str | None = None,
) -> Perplexity | None:  # fmt: skip
    """Estimate a model of a text and write it as an ARPA file.

    Args:
        text: a sentence a line.
        out: ARPA file to write, gzipped if its name ends in .gz.
        options: of the estimation; the unknown word stands for words outside the vocabulary, if it is in it.
        vocabulary: list of words; all words of the texts if None.
        background: a second text, whose model is mixed in by the weight that makes the held-out text most probable.
        held_out: a text for the weight and the perplexity.

    Returns:
        The perplexity of the held-out text, if there is one.

    Raises:
        InputError: a text or the vocabulary cannot be used.
    """
    unknown, least = options.unknown, options.least_counts()
    words = Vocabulary(unknown) if vocabulary is None else Vocabulary.read(vocabulary, unknown)
    texts = [read_sentences(name, words) for name in (text, background) if name is not None]
    words.is_open = False
    for name, sentences in zip((text, background), texts, strict=False):
        log(f"{name}: {len(sentences.words) - 2 * sentences.num_sentences} words, {sentences.num_sentences} sentences")
        _report_unknown(name, sentences.unknown)
    model, *others = (estimate(sentences, words.names, options.order, least) for sentences in texts)
    held = None if held_out is None else read_sentences(held_out, words)
    for other in others:
        assert held is not None
        weight = mixture_weight(model, other, held, unknown)
        log(f"weight {weight:.4f} of {text}, {1 - weight:.4f} of {background}")
        model = mix(model, other, weight)
    if options.prune > 0:
        log(f"before pruning {_sizes(model)}")
        model = prune(model, options.prune)
    write_arpa(out, model)
    log(f"wrote {_sizes(model)} to {out}")
    if held is None:
        return None
    _report_unknown(held_out, held.unknown)
    return perplexity(model, held, unknown)


def perplexity_of(arpa: str, text: str, unknown: str) -> Perplexity:
    """Perplexity of a text by an ARPA model; words that the model lacks are reported.

    Raises:
        InputError: the model is broken, or the text cannot be used.
    """
    model = read_arpa(arpa)
    numbers = {name: number for number, name in enumerate(model.names) if number > 1}
    sentences = read_sentences(text, Vocabulary(unknown, False, numbers))
    _report_unknown(text, sentences.unknown)
    return perplexity(model, sentences, unknown)


def _report_unknown(name: str | None, unknown: Counter[str]) -> None:
    if unknown:
        shown = ", ".join(f"{word} {count}" for word, count in unknown.most_common(_SHOWN))
        more = f", and {len(unknown) - _SHOWN} others" if len(unknown) > _SHOWN else ""
        warn(f"{name}: {unknown.total()} words are not in the vocabulary: {shown}{more}")


def _sizes(model: NgramModel) -> str:
    return ", ".join(f"{size} {order}-grams" for order, size in enumerate(model.sizes, start=1))
