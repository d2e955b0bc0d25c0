"""Viterbi alignment in compiled code. The only importer of kaldi_decoder.

kaldi_decoder keeps a bare reference to the graph (so it is held here as long as the decoder lives), checks no bounds
(so labels are), and takes scores by input label (so pdf scores are spread over the transition-ids in use).
"""

import math
from typing import Any

import numpy as np

from houseblend.base.errors import InputError
from houseblend.hmm.options import PathOptions
from houseblend.hmm.transition_model import TransitionModel
from houseblend.lang.fst import from_memory, renumber_inputs, to_memory

_COUNT = 8


class SearchGraph:
    """A graph ready for search: its input labels renumbered 1..K, and the pdf of each.

    Args:
        fst: `kaldifst.StdVectorFst` or `StdConstFst` with transition-ids on its input.
        model: the transition model that they belong to.
        file: where the graph was read from, for errors.
        transition_ids: what its input labels stand for, if they are numbered already.

    Raises:
        InputError: the graph is empty or holds labels that the model lacks.
    """

    def __init__(
        self, fst: Any, model: TransitionModel, file: object = None, transition_ids: np.ndarray | None = None
    ) -> None:
        self.fst, self.transition_ids = renumber_inputs(fst) if transition_ids is None else (fst, transition_ids)
        if self.fst.start < 0:
            raise InputError("the graph is empty", file=file, do="make it again")
        first, last = int(self.transition_ids[0]), int(self.transition_ids[-1])
        if first < 0 or not 1 <= last <= model.num_ids:
            raise InputError(
                f"the graph has input labels {first} to {last}, the model {model.num_ids} transition-ids",
                file=file,
                do="use graph and model of one directory",
            )
        self.columns = model.id_to_pdf[self.transition_ids[1:]]

    def to_bytes(self) -> bytes:
        """The graph for `from_bytes`: how many transition-ids, these, and the transducer."""
        ids = self.transition_ids.astype("<i4")
        return len(ids).to_bytes(_COUNT, "little") + ids.tobytes() + to_memory(self.fst)

    @classmethod
    def from_bytes(cls, data: bytes, model: TransitionModel) -> "SearchGraph":
        """A graph that `to_bytes` wrote."""
        import kaldifst

        behind = _COUNT + 4 * int.from_bytes(data[:_COUNT], "little")
        ids = np.frombuffer(data[_COUNT:behind], "<i4")
        return cls(from_memory(kaldifst.StdConstFst, data[behind:]), model, transition_ids=ids)

    def scaled_scores(self, loglikes_TP: np.ndarray, acoustic_scale: float, key: str | None) -> np.ndarray:
        """Scores by input label 1 to K from log-likelihoods by pdf: shapes [T, num_pdfs] and [T, K].

        Raises:
            InputError: no frames, too few pdfs, or scores that are not finite.
        """
        if not len(loglikes_TP):
            raise InputError("no frames", key=key)
        if loglikes_TP.shape[1] <= self.columns.max():
            raise InputError(
                f"scores of {loglikes_TP.shape[1]} pdfs for a graph with pdf {self.columns.max()}", key=key,
                do="use graph and model of one tree",
            )  # fmt: skip
        if not np.isfinite(loglikes_TP).all():
            raise InputError("log-likelihoods that are not finite", key=key, do="check features and model")
        return loglikes_TP[:, self.columns] * np.float32(acoustic_scale)


def careful_graph(fst: Any) -> Any:
    """A graph of a transcript in which the words may begin once more behind the end, but then reach no end.

    Where that is better than to end with the recording, there is more speech than the transcript has words: the alignment
    fails instead of stretching words over it (Kaldi's --careful).
    """
    import kaldifst

    graph, states = fst.copy(), range(fst.num_states)
    for _ in range(fst.num_states + 1):
        graph.add_state()
    again = fst.num_states
    end = again + fst.num_states
    for state in states:
        for arc in kaldifst.ArcIterator(fst, state):
            copied = kaldifst.StdArc(arc.ilabel, arc.olabel, arc.weight.value, again + arc.nextstate)
            graph.add_arc(again + state, copied)
        cost = fst.final(state)
        if math.isfinite(cost.value):
            graph.add_arc(state, kaldifst.StdArc(0, 0, cost.value, end))
            graph.set_final(state, math.inf)
    graph.set_final(end, 0.0)
    graph.add_arc(end, kaldifst.StdArc(0, 0, 0.0, again + fst.start))
    return graph


def align(
    graph: SearchGraph, loglikes_TP: np.ndarray, options: PathOptions, key: str | None = None,
    id_scores: np.ndarray | None = None,
) -> np.ndarray | None:  # fmt: skip
    """The best path through a training graph.

    Args:
        graph: of the transcript.
        loglikes_TP: log-likelihoods by pdf, shape [T, num_pdfs].
        options: factor on them, and the beams.
        key: the utterance, for errors.
        id_scores: added to every frame's scores by transition-id, shape [num_ids + 1]: the transition probabilities,
            where the graph was compiled without them.

    Returns:
        Transition-ids, shape [T], int32; None if neither try reached the end.
    """
    import kaldi_decoder
    import kaldifst

    scores = graph.scaled_scores(loglikes_TP, options.acoustic_scale, key)
    if id_scores is not None:
        scores += id_scores[graph.transition_ids[1:]]
    decodable = kaldi_decoder.DecodableCtc(np.ascontiguousarray(scores, dtype=np.float32))
    config = kaldi_decoder.FasterDecoderOptions(beam=options.beam)
    decoder = kaldi_decoder.FasterDecoder(graph.fst, config)
    for width in (options.beam, options.retry_beam):
        if width <= 0:
            break
        config.beam = width
        decoder.set_options(config)
        decoder.decode(decodable)
        if decoder.reached_final():
            found, path = decoder.get_best_path()
            if found:
                _, labels, _, _ = kaldifst.get_linear_symbol_sequence(path)
                return graph.transition_ids[np.array(labels, dtype=np.int64)]
    return None
