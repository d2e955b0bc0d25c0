"""Graphs for alignment: all state sequences of a transcript (Kaldi's decoder/training-graph-compiler)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from houseblend.base.errors import InputError
from houseblend.hmm.hmm_graph import add_self_loops, h_transducer, remove_symbols
from houseblend.hmm.options import GraphOptions
from houseblend.hmm.transition_model import TransitionModel
from houseblend.hmm.tree import ContextDependency
from houseblend.lang.fst import Graph, from_kaldifst, read_graph
from houseblend.lang.phone_files import read_phone_list


class TrainingGraphCompiler:
    """Compiles transcripts against one lexicon, tree and model.

    Args:
        model: the transition model.
        tree: the decision tree.
        lexicon: L, phones to words.
        disambiguation: phone symbols for disambiguation.
        options: factors on the transitions' log-probabilities; 0 leaves them to who searches the graphs.
    """

    def __init__(
        self, model: TransitionModel, tree: ContextDependency, lexicon: Graph, disambiguation: Sequence[int],
        options: GraphOptions,
    ) -> None:  # fmt: skip
        import kaldifst

        self.model, self.tree, self.options = model, tree, options
        self.disambiguation = list(disambiguation)
        self._words = {arc.olabel for arcs in lexicon.arcs for arc in arcs} - {0}
        self._lexicon = lexicon.to_kaldifst()
        kaldifst.arcsort(self._lexicon, sort_type="olabel")

    @classmethod
    def from_files(
        cls, model: TransitionModel, tree: ContextDependency, lang: Path, options: GraphOptions
    ) -> "TrainingGraphCompiler":
        """With L.fst and the disambiguation symbols of a lang directory."""
        disambiguation = read_phone_list(lang / "phones" / "disambig.int")
        return cls(model, tree, read_graph(lang / "L.fst"), disambiguation, options)

    def compile(self, words: Sequence[int], key: str | None = None) -> Any:
        """The graph of one transcript, as `kaldifst.StdVectorFst`: transition-ids to words.

        Args:
            words: word ids.
            key: the utterance, for errors.

        Raises:
            InputError: a word is not in the lexicon, or nothing is left.
        """
        import kaldifst

        unknown = [word for word in words if word not in self._words]
        if unknown:
            raise InputError(
                f"no pronunciation of words {unknown}" + (" (0 is <eps>)" if 0 in unknown else ""),
                key=key,
                expected="numbers of words of the lexicon",
                do="add them to the lexicon or map them to the oov word",
            )
        acceptor = kaldifst.make_linear_acceptor(list(map(int, words)))
        phones_to_words = kaldifst.StdVectorFst(kaldifst.compose(self._lexicon, acceptor))
        in_context, windows = kaldifst.compose_context(
            self.disambiguation, self.tree.context_width, self.tree.central_position, phones_to_words
        )
        kaldifst.arcsort(in_context, sort_type="ilabel")
        h, disambiguation = h_transducer(windows, self.tree, self.model, self.options.transition_scale)
        h_fst = h.to_kaldifst()
        kaldifst.arcsort(h_fst, sort_type="olabel")
        graph_fst = kaldifst.StdVectorFst(kaldifst.compose(h_fst, in_context))
        kaldifst.determinize_star(graph_fst, use_log=True)
        if disambiguation:
            graph = from_kaldifst(graph_fst)
            remove_symbols(graph, disambiguation)
            graph_fst = graph.to_kaldifst()
        kaldifst.minimize_encoded(graph_fst)
        graph = from_kaldifst(graph_fst)
        if graph.start < 0:
            raise InputError("the training graph is empty", key=key, do="check lexicon and transcript")
        add_self_loops(graph, self.model, self.options.self_loop_scale)
        return graph.to_kaldifst()
