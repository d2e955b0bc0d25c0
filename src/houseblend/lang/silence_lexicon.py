"""The lexicon transducer with silence by word (Chen, Xu, Wang, Povey, Khudanpur 2015, "Pronunciation and silence probability
modeling for ASR"; Kaldi's make_lexicon_fst_silprob).

Words v w with silence between them cost -log P(s | v) F(s | w), without it -log (1 - P(s | v)) F(n | w): what follows a word decides
whether there is silence, and the word behind corrects it.
"""

import math
from collections.abc import Sequence

from houseblend.base.errors import InputError
from houseblend.lang.fst import Arc, Graph
from houseblend.lang.lexicon import Entry, SentenceSilence

_START, _WITHOUT, _BEHIND = range(3)
"""States: before everything; between words without silence; behind silence."""


def silence_lexicon_graph(
    entries: Sequence[Entry], phone_ids: dict[str, int], word_ids: dict[str, int],
    sentence: SentenceSilence, silence_phone: str, silence_disambiguation: str | None = None,
    loop_symbols: tuple[int, int] | None = None,
) -> Graph:  # fmt: skip
    """L: phones to words, with silence as probable as the words around make it.

    Args:
        entries: words and their phones, all with their silence.
        phone_ids: numbers of the phones.
        word_ids: numbers of the words.
        sentence: silence at the ends.
        silence_phone: the optional silence.
        silence_disambiguation: symbol where there is no silence, if L is to be determinised.
        loop_symbols: #0 among phones and words, for the back-off arcs of G.

    Raises:
        InputError: an entry without its silence.
    """
    graph = Graph(
        [[], [], []], [math.inf, _cost(sentence.factor_without_end), _cost(sentence.factor_before_end)], _START
    )
    silence = phone_ids[silence_phone]
    nothing = phone_ids[silence_disambiguation] if silence_disambiguation else 0

    def leave(state: int, probability: float) -> None:
        graph.arcs[state].append(Arc(nothing, 0, _cost(1 - probability), _WITHOUT))
        graph.arcs[state].append(Arc(silence, 0, _cost(probability), _BEHIND))

    leave(_START, sentence.begin)
    for word, phones, probability, around in entries:
        if around is None:
            raise InputError("no silence of the word", key=word, do="run dict-dir-add-pronprobs with counts of silence")
        state = graph.add_state()
        for source, factor in ((_WITHOUT, around.factor_without), (_BEHIND, around.factor_before)):
            graph.arcs[source].append(
                Arc(phone_ids[phones[0]], word_ids[word], _cost(probability) + _cost(factor), state)
            )
        for phone in phones[1:]:
            following = graph.add_state()
            graph.arcs[state].append(Arc(phone_ids[phone], 0, 0.0, following))
            state = following
        leave(state, around.after)
    if loop_symbols is not None:
        for state in (_WITHOUT, _BEHIND):
            graph.arcs[state].append(Arc(*loop_symbols, 0.0, state))
    for arcs in graph.arcs:
        arcs.sort(key=lambda arc: arc.olabel)
    return graph


def _cost(value: float) -> float:
    return 0.0 - math.log(value)
