"""Global mapping rules (glm): what NIST's hubscr.pl does to a reference and to a hypothesis before they are compared.

Rules are `A => B / C __ D`: where the text holds A between C and D, B is written. The text is gone through once from left
to right; at each place the first rule that fits is used (NIST SCTK, doc/GLMRules.txt). Around them stands what csrfilt.sh
does with its option -dh: capitals, words with hyphens taken apart, `(a b)` made `(a) (b)`.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from houseblend.base.errors import InputError
from houseblend.io.streams import read_text
from houseblend.io.text import words_of

_APPLICATION = re.compile(r';;\s+INPUT_DEPENDENT_APPLICATION\s*=\s*"([^"]*)"')
_HYPHEN = re.compile(r"([^( ])-(?=[^) ])")
_SECOND_IN_PARENTHESES = re.compile(r"(\(\s+[^()\s]+\s+)([^()\s]+)")
EXPECTED = "A => B, or A => B / C __ D"


@dataclass(frozen=True)
class Rule:
    """Write `output` where `source` stands between `left` and `right`."""

    source: str
    output: str
    left: str
    right: str

    def fits(self, text: str, place: int) -> bool:
        """Whether the text at `place` is the rule's source in its context."""
        behind = place + len(self.source)
        return (
            text.startswith(self.source, place)
            and text.startswith(self.right, behind)
            and (place >= len(self.left) and text.startswith(self.left, place - len(self.left)))
        )


class Rules:
    """Rules by the first character of their source, each list in the order of the file; sources in capitals."""

    def __init__(self, rules: list[Rule]) -> None:
        self._by_first: dict[str, list[Rule]] = {}
        for rule in rules:
            self._by_first.setdefault(rule.source[0], []).append(rule)

    @classmethod
    def read(cls, path: Path, kind: str) -> "Rules":
        """Read the rules of a glm for `kind`, "stm ref" or "ctm hyp": some lines hold for one of them only.

        Raises:
            InputError: no UTF-8, or a line that is no rule.
        """
        lines = read_text(path).split("\n")
        comment = (words_of(lines[0]) or [";;"])[0]
        rules, applies = [], True
        for number, line in enumerate(lines, start=1):
            found = _APPLICATION.match(line)
            if found:
                applies = any(re.search(found[1].lower(), word) for word in kind.split())
            content = line.partition(comment)[0].strip()
            if applies and content and number > 1 and not content.startswith("*"):
                rules.append(_parse(path, number, content))
        return cls(rules)

    def apply(self, text: str) -> str:
        """The text with the rules applied; capitals are expected, and contexts are those of the text given."""
        written, place = [], 0
        while place < len(text):
            rule = next((rule for rule in self._by_first.get(text[place], ()) if rule.fits(text, place)), None)
            written.append(rule.output if rule else text[place])
            place += len(rule.source) if rule else 1
        return "".join(written)

    def filter(self, text: str) -> str:
        """A transcript or a word as it is compared: capitals, one space between words, `(word)` for optional ones."""
        text = f"  {text.upper()}  ".replace("(", "( ").replace(")", " )")
        text = _HYPHEN.sub(r"\1 ", self.apply(text))
        while _SECOND_IN_PARENTHESES.search(text):
            text = _SECOND_IN_PARENTHESES.sub(r"\1) ( \2", text)
        return " ".join(words_of(re.sub(r"\s+\)", ")", re.sub(r"\(\s+", "(", text))))


def _parse(path: Path, number: int, content: str) -> Rule:
    source, arrow, rest = content.partition("=>")
    output, left, right = rest, "", ""
    slash = rest.rfind("/")
    if slash >= 0 and "]" not in rest[slash:].partition("[")[0]:
        output, (left, line, right) = rest[:slash], rest[slash + 1 :].partition("_")
        if not line:
            raise InputError("a context without __", file=path, line=number, expected=EXPECTED, do="mend the rule")
        right = right.lstrip("_")
    rule = Rule(_bare(source).upper(), _bare(output).upper(), _bare(left).upper(), _bare(right).upper())
    if not arrow or not rule.source:
        raise InputError(f"{content!r} is no rule", file=path, line=number, expected=EXPECTED, do="mend the rule")
    return rule


def _bare(part: str) -> str:
    """Without spaces around, then without the brackets or quotes that keep spaces."""
    part = part.strip()
    bounded = len(part) >= 2 and (part[0], part[-1]) in (("[", "]"), ('"', '"'))
    return part[1:-1] if bounded else part
