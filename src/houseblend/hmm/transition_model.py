"""The transition model: transition-ids, their pdfs and probabilities (Kaldi's hmm/transition-model)."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from houseblend.base.errors import InputError
from houseblend.hmm.options import TransitionOptions
from houseblend.hmm.topology import HmmTopology
from houseblend.hmm.tree import ContextDependency
from houseblend.io.objects import KaldiInput, KaldiOutput, open_input

State = tuple[int, int, int]
"""A transition-state: phone, HMM state, pdf."""
_ABOVE_CERTAIN = 1e-3
"""What rounding may leave of log(1)."""


@dataclass
class TransitionModel:
    """Transition-states are numbered from 1, and so are transition-ids, which count the transitions of all of them.

    Args:
        topology: the HMMs.
        states: the transition-states, sorted; transition-state s is `states[s - 1]`.
        log_probs: log-probability by transition-id, shape [num_ids + 1], float32, entry 0 unused.

    Attributes, arrays of shape [num_ids + 1] indexed by transition-id: `id_to_state` (transition-state), `id_to_pdf`,
    `id_to_phone`, `id_to_hmm_state`, `id_to_pdf_class`, `id_is_self_loop`, `id_is_final`; by transition-state: `first_id`
    (shape [num_states + 2]), `non_self_loop_log_probs`, `self_loop_of` (transition-id, 0: none), both [num_states + 1].
    """

    topology: HmmTopology
    states: list[State]
    log_probs: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))

    def __post_init__(self) -> None:
        rows = [(0, 0, 0, 0, 0, False, False)]
        self.first_id = np.zeros(len(self.states) + 2, dtype=np.int32)
        self.first_id[:2] = 1
        self.self_loop_of = np.zeros(len(self.states) + 1, dtype=np.int32)
        initial = [0.0]
        for number, (phone, hmm_state, pdf) in enumerate(self.states, start=1):
            hmm = self.topology.states_of(phone)
            for target, probability in hmm[hmm_state].transitions:
                if target == hmm_state:
                    self.self_loop_of[number] = len(rows)
                ends = target == hmm_state, target == len(hmm) - 1
                rows.append((number, pdf, phone, hmm_state, hmm[hmm_state].pdf_class, *ends))
                initial.append(float(np.log(np.float32(probability))))
            self.first_id[number + 1] = len(rows)
        columns = list(zip(*rows, strict=True))
        self.id_to_state, self.id_to_pdf, self.id_to_phone, self.id_to_hmm_state, self.id_to_pdf_class = (
            np.array(column, dtype=np.int32) for column in columns[:5]
        )
        self.id_is_self_loop, self.id_is_final = (np.array(column, dtype=bool) for column in columns[5:])
        if not len(self.log_probs):
            self.log_probs = np.array(initial, dtype=np.float32)
        self._derive()

    def _derive(self) -> None:
        """log(1 - p(self-loop)) by transition-state, as Kaldi derives it."""
        loops = self.log_probs[self.self_loop_of].astype(np.float64)
        leave = 1.0 - np.exp(loops)
        self.non_self_loop_log_probs = np.where(
            self.self_loop_of > 0, np.log(np.maximum(leave, 1e-10)), 0.0
        ).astype(np.float32)  # fmt: skip

    @property
    def num_ids(self) -> int:
        """Number of transition-ids."""
        return len(self.id_to_state) - 1

    @property
    def num_pdfs(self) -> int:
        """Number of pdfs."""
        return _num_pdfs(self.states)

    @property
    def phones(self) -> list[int]:
        """The phones, sorted."""
        return self.topology.phones

    @classmethod
    def initial(cls, topology: HmmTopology, tree: ContextDependency) -> "TransitionModel":
        """The model of a tree, with the topology's probabilities."""
        states = []
        for phone in topology.phones:
            for number, state in enumerate(topology.states_of(phone)):
                if state.pdf_class >= 0:
                    states += [(phone, number, pdf) for pdf in tree.possible_pdfs(phone, state.pdf_class)]
        return cls(topology, sorted(states))

    def state_of(self, phone: int, hmm_state: int, pdf: int) -> int:
        """The transition-state of a phone, HMM state and pdf.

        Raises:
            InputError: there is none: tree and model do not belong together.
        """
        if not hasattr(self, "_index"):
            self._index = {state: number for number, state in enumerate(self.states, start=1)}
        try:
            return self._index[(phone, hmm_state, pdf)]
        except KeyError:
            raise InputError(
                f"phone {phone}, state {hmm_state} with pdf {pdf} is not in the transition model",
                do="use the tree and the model of one directory",
            ) from None

    def scaled_log_probs(self, transition_scale: float, self_loop_scale: float) -> np.ndarray:
        """What a transition-id adds to the score of a path, shape [num_ids + 1], float32 (AddTransitionProbs)."""
        leave = self.non_self_loop_log_probs[self.id_to_state]
        forward = transition_scale * (self.log_probs - leave) + self_loop_scale * leave
        return np.where(self.id_is_self_loop, self_loop_scale * self.log_probs, forward).astype(np.float32)

    def update(self, counts: np.ndarray, options: TransitionOptions) -> tuple[float, float]:
        """Maximum-likelihood probabilities from counts (Kaldi's MleUpdate).

        Args:
            counts: by transition-id, shape [num_ids + 1], float64.
            options: the smallest probability, and the count below which transition-states keep theirs.

        Returns:
            Improvement of the log-likelihood, and the total count.
        """
        improvement = total = 0.0
        for number in range(1, len(self.states) + 1):
            ids = slice(self.first_id[number], self.first_id[number + 1])
            mine = counts[ids]
            if len(mine) < 2:
                continue
            total += mine.sum()
            if mine.sum() < options.transition_min_count:
                continue
            probs = (mine / mine.sum()).astype(np.float32)
            for _ in range(3):
                probs = np.maximum(probs / probs.sum(), np.float32(options.transition_floor))
            new = np.log(probs)
            improvement += float(mine @ (new - self.log_probs[ids]))
            self.log_probs[ids] = new
        self._derive()
        return improvement, total

    @classmethod
    def load(cls, rxfilename: str | Path) -> "TransitionModel":
        """Read the file of a model of any kind, which begins with a transition model; InputError if it does not."""
        with open_input(rxfilename) as source:
            return cls.read(source)

    @classmethod
    def read(cls, source: KaldiInput) -> "TransitionModel":
        """Read Kaldi's binary or text form; InputError if it is none."""
        source.expect("<TransitionModel>")
        topology = HmmTopology.read(source)
        source.expect("<Triples>")
        states = []
        for _ in range(source.read_int()):
            states.append((source.read_int(), source.read_int(), source.read_int()))
        source.expect("</Triples>", "<LogProbs>")
        log_probs = source.read_vector().astype(np.float32)
        source.expect("</LogProbs>", "</TransitionModel>")
        num_ids = 0
        for phone, hmm_state, pdf in states:
            hmm = topology.states_of(phone) if phone in topology.entry_of else []
            if not 0 <= hmm_state < len(hmm) or not hmm[hmm_state].transitions or pdf < 0:
                raise source.fail(f"state {hmm_state} of phone {phone} with pdf {pdf} is not in the topology")
            num_ids += len(hmm[hmm_state].transitions)
        if not states or states != sorted(set(states)) or len({pdf for _, _, pdf in states}) != _num_pdfs(states):
            raise source.fail("the states are not sorted, twice there, or lack a pdf")
        if len(log_probs) != num_ids + 1:
            raise source.fail(f"{len(log_probs)} transition probabilities", str(num_ids + 1))
        if not (log_probs <= _ABOVE_CERTAIN).all() or not np.isfinite(log_probs).all():
            raise source.fail("transition probabilities that are not between 0 and 1")
        return cls(topology, states, log_probs)

    def write(self, target: KaldiOutput) -> None:
        """Write Kaldi's form."""
        target.write_token("<TransitionModel>")
        target.newline()
        self.topology.write(target)
        target.write_token("<Triples>")
        target.write_int(len(self.states))
        target.newline()
        for state in self.states:
            for value in state:
                target.write_int(value)
            target.newline()
        for token in ("</Triples>", "<LogProbs>"):
            target.write_token(token)
            target.newline()
        target.write_vector(self.log_probs)
        for token in ("</LogProbs>", "</TransitionModel>"):
            target.write_token(token)
            target.newline()


def _num_pdfs(states: list[State]) -> int:
    return 1 + max(pdf for _, _, pdf in states)
