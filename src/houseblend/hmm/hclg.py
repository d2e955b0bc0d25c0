"""The decoding graph HCLG, by the steps of Kaldi's utils/mkgraph.sh."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from houseblend.base.allocation import no_search_for_cycles
from houseblend.base.atomic import write_json, write_text
from houseblend.base.errors import InputError, StaleError
from houseblend.base.fingerprint import hash_file
from houseblend.hmm.hmm_graph import add_self_loops, h_transducer, remove_symbols
from houseblend.hmm.options import GraphOptions
from houseblend.hmm.push import push_special
from houseblend.hmm.transition_model import TransitionModel
from houseblend.hmm.tree import ContextDependency
from houseblend.io.directories import read_count
from houseblend.io.json_files import read_json
from houseblend.lang.fst import Graph, from_kaldifst, read_graph, write_graph
from houseblend.lang.local_epsilons import remove_epsilons_locally
from houseblend.lang.phone_files import read_phone_list

MAX_STATES = 50_000_000


def compose_lg(lexicon: Graph, grammar: Graph) -> Graph:
    """LG: determinised, minimised, pushed.

    Args:
        lexicon: L with disambiguation symbols.
        grammar: G.

    Raises:
        InputError: nothing can be said in it.
    """
    import kaldifst

    l_fst, g_fst = lexicon.to_kaldifst(), grammar.to_kaldifst()
    kaldifst.arcsort(l_fst, sort_type="olabel")
    kaldifst.arcsort(g_fst, sort_type="ilabel")
    lg = _determinize(kaldifst.StdVectorFst(kaldifst.compose(l_fst, g_fst)), "LG")
    kaldifst.minimize_encoded(lg)
    graph = from_kaldifst(lg)
    if graph.start < 0:
        raise InputError(
            "lexicon and grammar have no word sequence in common",
            do="check that G uses words.txt of the lang directory",
        )
    push_special(graph)
    return graph


def compose_hclg(
    lg: Graph, tree: ContextDependency, model: TransitionModel, disambiguation: Sequence[int], options: GraphOptions
) -> Graph:
    """HCLG with self-loops.

    Args:
        lg: from `compose_lg`.
        tree: the decision tree.
        model: the transition model.
        disambiguation: phone symbols for disambiguation.
        options: factors on the transitions' log-probabilities.
    """
    import kaldifst

    clg, windows = kaldifst.compose_context(
        list(disambiguation), tree.context_width, tree.central_position, lg.to_kaldifst()
    )
    kaldifst.arcsort(clg, sort_type="ilabel")
    h, symbols = h_transducer(windows, tree, model, options.transition_scale)
    h_fst = h.to_kaldifst()
    kaldifst.arcsort(h_fst, sort_type="olabel")
    hclg = _determinize(kaldifst.StdVectorFst(kaldifst.compose(h_fst, clg)), "HCLG")
    graph = from_kaldifst(hclg)
    remove_symbols(graph, symbols)
    minimal = remove_epsilons_locally(graph).to_kaldifst()
    kaldifst.connect(minimal)
    kaldifst.minimize_encoded(minimal)
    graph = from_kaldifst(minimal)
    add_self_loops(graph, model, options.self_loop_scale)
    return graph


@no_search_for_cycles()
def make_graph(lang: Path, model_dir: Path, out: Path, options: GraphOptions) -> None:
    """Write a graph directory: HCLG.fst, words.txt, phones.txt, phones/, num_pdfs, and `graph.json`, its record.

    Args:
        lang: lang directory with G.fst.
        model_dir: with tree and final.mdl.
        out: directory to write.
        options: factors on the transitions' log-probabilities.

    Raises:
        InputError: files are missing, or the phones of lang and model differ.
    """
    tree = ContextDependency.load(model_dir / "tree")
    model = TransitionModel.load(model_dir / "final.mdl")
    disambiguation = read_phone_list(lang / "phones" / "disambig.int")
    lg = compose_lg(read_graph(lang / "L_disambig.fst"), read_graph(lang / "G.fst"))
    used = {arc.ilabel for arcs in lg.arcs for arc in arcs} - {0, *disambiguation}
    if not used <= set(model.phones):
        raise InputError(
            f"phones {sorted(used - set(model.phones))} are not in the model",
            file=lang,
            do="use the model's lang directory",
        )
    graph = compose_hclg(lg, tree, model, disambiguation, options)
    write_graph(out / "HCLG.fst", graph)
    for name in ("words.txt", "phones.txt"):
        shutil.copyfile(lang / name, out / name)
    shutil.copytree(lang / "phones", out / "phones", dirs_exist_ok=True)
    write_text(out / "num_pdfs", f"{model.num_pdfs}\n")
    write_json(
        out / "graph.json",
        {"tree": hash_file(model_dir / "tree"), "num_pdfs": model.num_pdfs, "num_ids": model.num_ids},
    )


def require_same_tree(graph_dir: Path, model_dir: Path) -> None:
    """Refuse a graph that was made for another tree; of Kaldi's, which has no record, the number of pdfs is compared.

    Raises:
        InputError: the graph's record is broken.
        StaleError: the trees differ.
    """
    if (graph_dir / "graph.json").exists():
        record = read_json(graph_dir / "graph.json", {"tree": str}, "run make_graph")
        same = record["tree"] == hash_file(model_dir / "tree")
    else:
        same = (
            read_count(graph_dir / "num_pdfs", "run make_graph") == ContextDependency.load(model_dir / "tree").num_pdfs
        )
    if not same:
        raise StaleError(
            "the graph was made for another tree",
            file=graph_dir,
            expected=f"a graph of {model_dir}/tree",
            do="run make_graph",
        )


def _determinize(fst: Any, name: str) -> Any:
    import kaldifst

    try:
        kaldifst.determinize_star(fst, max_states=MAX_STATES, use_log=True)
    except RuntimeError as failure:
        raise InputError(
            f"{name} cannot be determinised: {failure}", do="check the disambiguation symbols of the lexicon"
        ) from None
    return fst
