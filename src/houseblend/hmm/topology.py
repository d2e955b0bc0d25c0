"""HMM topology: states, pdf-classes and initial transition probabilities of each phone (Kaldi's hmm/hmm-topology)."""

import math
from dataclasses import dataclass, field
from pathlib import Path

from houseblend.io.numbers import to_int
from houseblend.io.objects import MAX_DIM, KaldiInput, KaldiOutput, open_input

NO_PDF = NO_ENTRY = -1
_PHONES = range(1, MAX_DIM)


@dataclass
class HmmState:
    """One state: its pdf-class (NO_PDF: none), and (next state, probability) for each transition."""

    pdf_class: int
    transitions: list[tuple[int, float]] = field(default_factory=list)


@dataclass
class HmmTopology:
    """The entries, and which of them each phone uses.

    Args:
        phones: the phones covered, sorted.
        entry_of: phone -> index of its entry.
        entries: lists of states; the last state of each is final and has neither pdf nor transitions.
    """

    phones: list[int]
    entry_of: dict[int, int]
    entries: list[list[HmmState]]

    def states_of(self, phone: int) -> list[HmmState]:
        """The states of a phone."""
        return self.entries[self.entry_of[phone]]

    def num_pdf_classes(self, phone: int) -> int:
        """Number of pdf-classes of a phone."""
        return 1 + max(state.pdf_class for state in self.states_of(phone))

    def min_length(self, phone: int) -> float:
        """The fewest frames of a phone: those of the shortest way through its states; infinite if there is none."""
        states = self.states_of(phone)
        frames = [float(state.pdf_class != NO_PDF) for state in states]
        best = [frames[0], *[math.inf] * (len(states) - 1)]
        for _ in states:
            for number, state in enumerate(states):
                for target, _ in state.transitions:
                    best[target] = min(best[target], best[number] + frames[target])
        return best[-1]

    @classmethod
    def load(cls, rxfilename: str | Path) -> "HmmTopology":
        """Read a topology file; InputError if it is none."""
        with open_input(rxfilename) as source:
            topology = cls.read(source)
            source.stream.expect_end()
        return topology

    @classmethod
    def read(cls, source: KaldiInput) -> "HmmTopology":
        """Read Kaldi's binary or text form.

        Raises:
            InputError: another form, a self-loop pdf-class of its own (chain models), or states out of order.
        """
        source.expect("<Topology>")
        topology = _read_binary(source) if source.binary else _read_text(source)
        wrong = topology.problem()
        if wrong:
            raise source.fail(wrong, "a topology as prepare_lang writes it")
        return topology

    def problem(self) -> str | None:
        """What is wrong with the numbers, in words (Kaldi's HmmTopology::Check); None if nothing."""
        phones = self.phones
        if not phones or phones != sorted(set(phones)) or phones[0] < 1:
            return "phones that are not sorted, or twice there"
        if self.entry_of.keys() != set(phones) or set(self.entry_of.values()) != set(range(len(self.entries))):
            return "phones without an entry, or entries without a phone"
        for number, states in enumerate(self.entries):
            wrong = _wrong_entry(states)
            if wrong:
                return f"entry {number}: {wrong}"
        return None

    def write(self, target: KaldiOutput) -> None:
        """Write Kaldi's form."""
        target.write_token("<Topology>")
        if target.binary:
            self._write_binary(target)
        else:
            self._write_text(target)
        target.write_token("</Topology>")
        target.newline()

    def _write_binary(self, target: KaldiOutput) -> None:
        target.write_int_vector(self.phones)
        target.write_int_vector([self.entry_of.get(phone, NO_ENTRY) for phone in range(self.phones[-1] + 1)])
        target.write_int(len(self.entries))
        for states in self.entries:
            target.write_int(len(states))
            for state in states:
                target.write_int(state.pdf_class)
                target.write_int(len(state.transitions))
                for to_state, probability in state.transitions:
                    target.write_int(to_state)
                    target.write_float(probability)

    def _write_text(self, target: KaldiOutput) -> None:
        target.newline()
        for index, states in enumerate(self.entries):
            for token in ("<TopologyEntry>", "<ForPhones>"):
                target.write_token(token)
                target.newline()
            for phone in self.phones:
                if self.entry_of[phone] == index:
                    target.write_int(phone)
            target.newline()
            target.write_token("</ForPhones>")
            target.newline()
            for number, state in enumerate(states):
                target.write_token("<State>")
                target.write_int(number)
                if state.pdf_class != NO_PDF:
                    target.write_token("<PdfClass>")
                    target.write_int(state.pdf_class)
                for to_state, probability in state.transitions:
                    target.write_token("<Transition>")
                    target.write_int(to_state)
                    target.write_float(probability)
                target.write_token("</State>")
                target.newline()
            target.write_token("</TopologyEntry>")
            target.newline()


def _wrong_entry(states: list[HmmState]) -> str | None:
    """What is wrong with one entry, in words."""
    last = len(states) - 1
    if last < 1 or states[last].transitions or states[last].pdf_class != NO_PDF:
        return "the last of at least two states must have neither pdf nor transitions"
    for number, state in enumerate(states[:last]):
        targets = [target for target, _ in state.transitions]
        if not targets or len(targets) != len(set(targets)) or not 0 <= min(targets) <= max(targets) <= last:
            return f"the transitions of state {number} lead nowhere, twice to one state, or outside"
        if not all(0 < probability <= 1 for _, probability in state.transitions):
            return f"the probabilities of state {number} are not between 0 and 1"
        if abs(sum(probability for _, probability in state.transitions) - 1) > 0.01:
            return f"the probabilities of state {number} do not add up to 1"
        if state.pdf_class == NO_PDF and {number, last} & set(targets):
            return f"state {number} has no pdf, but a loop or a transition to the end"
    classes = {state.pdf_class for state in states} - {NO_PDF}
    if classes != set(range(len(classes))):
        return "the pdf-classes are not numbered from 0"
    entered = {target for state in states for target, _ in state.transitions}
    return None if entered | {0} == set(range(len(states))) else "a state that no transition leads to"


def _read_binary(source: KaldiInput) -> HmmTopology:
    phones, places = source.read_int_vector().tolist(), source.read_int_vector().tolist()
    if len(places) != max(phones, default=0) + 1:
        raise source.fail(f"a list of {len(places)} entries, phones up to {max(phones, default=0)}")
    entries = []
    count = source.read_int()
    if count < 0:
        raise source.fail("a topology with pdf-classes for self-loops (chain models)", "an ordinary HMM")
    for _ in range(count):
        states = []
        for _ in range(source.read_int()):
            pdf_class, transitions = source.read_int(), source.read_int()
            states.append(HmmState(pdf_class, [(source.read_int(), source.read_float()) for _ in range(transitions)]))
        entries.append(states)
    source.expect("</Topology>")
    return HmmTopology(phones, {phone: entry for phone, entry in enumerate(places) if entry != NO_ENTRY}, entries)


def _read_text(source: KaldiInput) -> HmmTopology:
    entry_of: dict[int, int] = {}
    entries = []
    while (token := source.read_token()) == "<TopologyEntry>":
        source.expect("<ForPhones>")
        while (token := source.read_token()) != "</ForPhones>":
            phone = to_int(token, _PHONES)
            if phone in entry_of:
                raise source.fail(f"phone {phone} for a second time", "a phone that no entry before has")
            entry_of[phone] = len(entries)
        states: list[HmmState] = []
        while (token := source.read_token()) == "<State>":
            if source.read_int() != len(states):
                raise source.fail("states are out of order", f"state {len(states)}")
            states.append(_read_text_state(source))
        if token != "</TopologyEntry>":
            raise source.fail(f"found {token!r}", "<State> or </TopologyEntry>")
        entries.append(states)
    if token != "</Topology>":
        raise source.fail(f"found {token!r}", "<TopologyEntry> or </Topology>")
    return HmmTopology(sorted(entry_of), entry_of, entries)


def _read_text_state(source: KaldiInput) -> HmmState:
    state = HmmState(NO_PDF)
    while (token := source.read_token()) != "</State>":
        if token == "<PdfClass>":
            state.pdf_class = source.read_int()
        elif token == "<Transition>":
            state.transitions.append((source.read_int(), source.read_float()))
        else:
            raise source.fail(f"found {token!r}", "<PdfClass>, <Transition> or </State>")
    return state
