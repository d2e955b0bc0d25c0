"""The sentences: rules expanded at random, with the words of a topic; a sentence's hash says whose it is.

Words are drawn in proportion to rank ** -STEEPNESS in their list. Draws use only `random()`, whose stream Python promises to keep.
"""

import hashlib
import re
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Generic, TypeVar

from inflect import Inflection, Verb, article

from houseblend.base.errors import InputError

TALK = Path(__file__).resolve().parent / "talk"
FREE_WORDS = 3
"""Sentences up to this length ("oh okay") are said by everybody and belong to no partition."""
STEEPNESS = 0.3
STRAY = 0.3
"""Share of words that another topic lends."""
ADVERB, OTHER_OBJECT, AFTER = 0.15, 0.5, 0.35
"""Shares of verbs with an adverb before, of objects that are any thing of the topic, and of those with more behind."""
SHARE = 10
"""Percent of all longer sentences that only dev may use; as many only test."""
ITEM = re.compile(r"\{(\w+)\}|<(\w+)>|(\S+)")
WITH_OBJECT = {"do": "base", "does": "with_he", "did": "past", "doing": "ing", "done": "perfect"}
COUNTED = (
    "the {}", "a {}", "my {}", "{s}", "some {s}", "that {}", "the {s}", "our {}", "a <adj> {}", "any {s}", "the <adj> {}",
    "<adj> {s}", "his {}", "those {s}", "all these {s}", "another {}", "too many {s}", "her {s}", "this <adj> {}",
)  # fmt: skip
UNCOUNTED = (
    "{}",
    "the {}",
    "some {}",
    "a lot of {}",
    "my {}",
    "that {}",
    "enough {}",
    "<adj> {}",
    "their {}",
    "too much {}",
)

Item = TypeVar("Item")


class Choice(Generic[Item]):
    """Items with weights; `draw` takes one."""

    def __init__(self, items: Sequence[Item], weights: Sequence[float] | None = None) -> None:
        self.items = items
        self._sums = list(accumulate(weights or [rank**-STEEPNESS for rank in range(1, len(items) + 1)]))

    def draw(self, random: Random) -> Item:
        """One item, as likely as its weight (by its rank if none were given)."""
        return self.items[bisect(self._sums, random.random() * self._sums[-1])]


@dataclass(frozen=True)
class Action:
    """What is done with what: any of the verbs with any of the nouns."""

    verbs: Choice[Verb]
    nouns: Choice[str]


@dataclass(frozen=True)
class Topic:
    """Words of a topic, and its actions."""

    things: Choice[str]
    people: Choice[str]
    places: Choice[str]
    adjectives: Choice[str]
    actions: Choice[Action]


class Grammar:
    """Rules, topics and names, read from the folder `talk`."""

    def __init__(self) -> None:
        self.inflection = Inflection(TALK / "irregular.txt")
        self.rules = _read_rules(TALK / "rules.txt")
        self.names = {
            line.partition(":")[0]: Choice(line.partition(":")[2].split()) for line in _lines(TALK / "names.txt")
        }
        self.topics = Choice(list(self._read_topics(TALK / "topics.txt")))
        self.topics = Choice(self.topics.items, [(4 + rank) ** -0.5 for rank in range(len(self.topics.items))])

    def draw(self, random: Random, topic: Topic, rule: str) -> tuple[str, ...]:
        """The words of a rule, expanded."""
        words: list[str] = []
        self._expand(random, topic, rule, words)
        for place, word in enumerate(words[:-1]):
            if word == "a":
                words[place] = article(words[place + 1])
        return tuple(words)

    def draw_for(self, partition: str, random: Random, topic: Topic, rule: str) -> tuple[str, ...]:
        """The words of a rule, drawn until they are a sentence that the partition (train, dev or test) may use."""
        while partition_of(words := self.draw(random, topic, rule)) not in (partition, None):
            pass
        return words

    def words(self) -> list[str]:
        """Every word that a sentence can hold, sorted."""
        found = {word for choice in self.names.values() for entry in choice.items for word in _plain(entry)}
        for rule in self.rules.values():
            found |= {word for items in rule.items for kind, word in items if kind == "word"}
        for pattern in (*COUNTED, *UNCOUNTED):
            found |= {word for word in pattern.split() if word.isalpha()}
        for topic in self.topics.items:
            nouns = [
                *topic.things.items,
                *topic.people.items,
                *(n for one in topic.actions.items for n in one.nouns.items),
            ]
            for noun in nouns:
                found |= {*_plain(noun), *([] if noun.endswith("~") else self.inflection.plural(noun).split())}
            found |= {word for name in (*topic.places.items, *topic.adjectives.items) for word in _plain(name)}
            for verb in (verb for one in topic.actions.items for verb in one.verbs.items):
                forms = (verb.base, verb.with_he, verb.past, verb.ing, verb.perfect)
                found |= {word for form in forms for word in form.split()}
        return sorted(found | {"an"})

    def _expand(self, random: Random, topic: Topic, rule: str, words: list[str]) -> None:
        for kind, name in self.rules[rule].draw(random):
            if kind == "word":
                words.append(name)
            elif kind == "rule":
                self._expand(random, topic, name, words)
            else:
                words += self._slot(random, topic, name)

    def _slot(self, random: Random, topic: Topic, name: str) -> list[str]:
        if random.random() < STRAY:
            topic = self.topics.draw(random)
        if name in WITH_OBJECT:
            action = topic.actions.draw(random)
            verb = getattr(action.verbs.draw(random), WITH_OBJECT[name])
            adverb = _plain(self.names["adverb"].draw(random)) if random.random() < ADVERB else []
            lender = self.topics.draw(random) if random.random() < STRAY else topic
            nouns = lender.things if random.random() < OTHER_OBJECT else action.nouns
            words = [*adverb, *verb.split(), *self._object(random, topic, nouns.draw(random))]
            if random.random() < AFTER:
                self._expand(random, topic, "after", words)
            return words
        if name in self.names:
            word = self.names[name].draw(random)
            return self._slot(random, topic, word[1:-1]) if word.startswith("<") else [word]
        if name == "adj":
            return _plain(topic.adjectives.draw(random))
        if name == "place":
            return _plain(topic.places.draw(random))
        nouns = topic.people if name in ("person", "persons") else topic.things
        noun = nouns.draw(random)
        while name in ("one", "many") and noun.endswith("~"):
            noun = nouns.draw(random)
        many = name in ("persons", "things", "many") and not noun.endswith("~")
        return self.inflection.plural(noun).split() if many else _plain(noun)

    def _object(self, random: Random, topic: Topic, noun: str) -> list[str]:
        patterns = _uncounted if noun.endswith("~") else _counted
        words: list[str] = []
        for part in patterns.draw(random):
            if part == "{}":
                words += _plain(noun)
            elif part == "{s}":
                words += self.inflection.plural(noun).split()
            else:
                words += self._slot(random, topic, "adj") if part == "<adj>" else [part]
        return words

    def _read_topics(self, path: Path) -> list[Topic]:
        topics: list[Topic] = []
        lists: dict[str, Choice[str]] = {}
        actions: list[Action] = []
        for line in [*_lines(path), "topic"]:
            head, _, rest = line.partition(":")
            if line.startswith("topic"):
                if lists:
                    topics.append(
                        Topic(lists["things"], lists["people"], lists["places"], lists["adj"], Choice(actions))
                    )
                lists, actions = {}, []
            elif line.startswith("do "):
                verbs = [self.inflection.verb(base) for base in head.split()[1:]]
                actions.append(Action(Choice(verbs), Choice(rest.split())))
            else:
                lists[head] = Choice(rest.split())
        return topics


def partition_of(words: tuple[str, ...]) -> str | None:
    """The only partition (train, dev, test) that may use a sentence, by its hash; None for short ones: all may."""
    if len(words) <= FREE_WORDS:
        return None
    digest = hashlib.blake2b(" ".join(words).encode(), digest_size=4).digest()
    place = int.from_bytes(digest, "little") % 100
    return "dev" if place < SHARE else "test" if place < 2 * SHARE else "train"


def _plain(entry: str) -> list[str]:
    """Words of an entry of a list: hyphens are spaces, "~" is a mark, and "<x>" is no word."""
    return [] if entry.startswith("<") else entry.rstrip("~").replace("-", " ").split()


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]


def _read_rules(path: Path) -> dict[str, Choice[list[tuple[str, str]]]]:
    """Rules by name; an alternative is a list of (rule, slot or word; its name)."""
    alternatives: dict[str, list[tuple[float, list[tuple[str, str]]]]] = {}
    name = ""
    for line in _lines(path):
        weight, bar, text = line.partition("|")
        if not bar:
            name = line.strip()
            continue
        items = [
            ("rule", rule) if rule else ("slot", slot) if slot else ("word", word)
            for rule, slot, word in ITEM.findall(text)
        ]
        alternatives.setdefault(name, []).append((float(weight), items))
    for name, choices in alternatives.items():
        for kind, other in (item for _, items in choices for item in items):
            if kind == "rule" and other not in alternatives:
                raise InputError("there is no such rule", file=path, key=other, expected=f"one of those beside {name}")
    return {
        name: Choice([items for _, items in choices], [weight for weight, _ in choices])
        for name, choices in alternatives.items()
    }


_counted = Choice([pattern.split() for pattern in COUNTED])
_uncounted = Choice([pattern.split() for pattern in UNCOUNTED])
