"""The dictionary: what espeak's base voice of American English says for each word, alone and in sentences.

Its phones are those that are heard, reduced forms too, which a dictionary written for people would lack.
"""

from collections import Counter
from random import Random

from espeak import Library, VoiceSpec
from grammar import Grammar
from phones import RHOTIC, VOWELS, phones_of

from houseblend.base.seeds import seed_of

FILLERS = ("uh", "um")
LAUGHED = ("yeah", "oh", "no", "right", "really", "well", "okay", "know")
"""Words that are also said laughing."""
EXAMPLES = 1000
"""Sentences in which words are heard."""
LEAST_SHARE = 0.15
"""Of a word's occurrences: how many a pronunciation must have."""
HEADER = """\
# minitalk dictionary, in the form of the Mississippi State dictionary of Switchboard: word, phones.
# Words in brackets were not said: "wa[nt]-" is the beginning of "want". "[laughter-yeah]" is said laughing.

"""

Lexicon = dict[str, list[tuple[str, ...]]]


def make_lexicon(library: Library, grammar: Grammar) -> Lexicon:
    """Pronunciations of every word, the commonest first; to be called in a child process."""
    library.set_voice(VoiceSpec(RHOTIC[0], "language variant\nname base\n", 175, 50, 1), "base")
    words = sorted({*grammar.words(), *FILLERS})
    heard: dict[str, Counter[tuple[str, ...]]] = {word: Counter() for word in words}
    random = Random(seed_of(0, "dictionary"))
    for _ in range(EXAMPLES):
        sentence = grammar.draw(random, grammar.topics.draw(random), "sentence")
        spoken = library.phonemes(" ".join(sentence)).split()
        if len(spoken) == len(sentence):
            for word, names in zip(sentence, spoken, strict=True):
                heard[word][_phones(names)] += 1
    for word, counts in heard.items():
        alone = _phones(library.phonemes(word).replace(" ", "_"))
        counts[alone] += max(1, round(LEAST_SHARE * counts.total()))
    return {word: _common(counts) for word, counts in heard.items()}


def partial_words(lexicon: Lexicon) -> dict[str, tuple[str, int]]:
    """Beginnings of words, to the end of the first vowel: "wa[nt]-" for want, and how many phones it has."""
    partial = {}
    for word, pronunciations in lexicon.items():
        letters = len(word) - len(word.lstrip("bcdfghjklmnpqrstvwxyz"))
        letters += len(word[letters:]) - len(word[letters:].lstrip("aeiou"))
        phones = pronunciations[0]
        vowel = next((place for place, phone in enumerate(phones) if phone in VOWELS), 0)
        if word.islower() and word.isalpha() and letters < len(word) - 1 and 0 < vowel < len(phones) - 1:
            partial[word] = (f"{word[:letters]}[{word[letters:]}]-", vowel + 1)
    return partial


def dictionary_text(lexicon: Lexicon) -> str:
    """The dictionary file: all words, their beginnings, and those that are said laughing."""
    entries = {(word, phones) for word, many in lexicon.items() for phones in many}
    entries |= {(written, lexicon[word][0][:count]) for word, (written, count) in partial_words(lexicon).items()}
    entries |= {(f"[laughter-{word}]", phones) for word in LAUGHED for phones in lexicon[word]}
    return HEADER + "".join(f"{word} {' '.join(phones)}\n" for word, phones in sorted(entries))


def _phones(names: str) -> tuple[str, ...]:
    return tuple(" ".join(phones_of(names.split("_"), rhotic=True)).split())


def _common(counts: Counter[tuple[str, ...]]) -> list[tuple[str, ...]]:
    ordered = sorted(counts, key=lambda phones: (-counts[phones], phones))
    return [phones for phones in ordered if phones and counts[phones] >= LEAST_SHARE * counts.total()][:3]
