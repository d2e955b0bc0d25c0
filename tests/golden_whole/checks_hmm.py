"""Checks of lang directories, graphs, GMM-HMMs and lattices that need more than the row's command."""

import numpy as np
from checks import Outcome, by_command, compared, covers, outcome
from compare import Deviation, DifferentError, Tolerance, compare
from rows import Row
from workplace import Workplace

from houseblend.decode.lattice import read_lattice_table
from houseblend.decode.paths import best_path
from houseblend.hmm.hclg import compose_hclg, compose_lg
from houseblend.hmm.options import GraphOptions
from houseblend.hmm.transition_model import TransitionModel
from houseblend.hmm.tree import ContextDependency
from houseblend.io.lang_files import read_symbol_table
from houseblend.lang.fst import Graph, read_graph, write_graph
from houseblend.lang.lang_dir import prepare_lang
from houseblend.lang.options import LexiconOptions

WEIGHTS = Tolerance(1e-4, 1e-4)
LIKELIHOODS = Tolerance(0.0, 2e-3)


def graph_deviation(mine: Graph, its: Graph, tolerance: Tolerance) -> Deviation:
    """Of the weights of two graphs that have the same states and arcs in the same order."""
    if mine.start != its.start or _shape(mine) != _shape(its):
        raise DifferentError("the graphs have other states or arcs")
    return tolerance.deviation(_weights(mine), _weights(its))


def _shape(graph: Graph) -> list:
    return [[(arc.ilabel, arc.olabel, arc.nextstate) for arc in arcs] for arcs in graph.arcs]


def _weights(graph: Graph) -> np.ndarray:
    return np.array([arc.weight for arcs in graph.arcs for arc in arcs] + [min(final, 1e9) for final in graph.finals])


@covers(r"^lang/\*$")
def lang_directory(workplace: Workplace, row: Row) -> Outcome:
    """Every file byte by byte, but for the transducers, which are compared as graphs."""
    golden, dictionary, made = workplace.golden / "lang", workplace.place / "work/dict", workplace.place / "work/lang"
    dictionary.mkdir()
    (dictionary / "lexicon.txt").write_bytes((golden / "lexicon.txt").read_bytes())
    for name in ("nonsilence", "silence", "optional_silence"):
        target = name if name.startswith("optional") else f"{name}_phones"
        (dictionary / f"{target}.txt").write_bytes((golden / f"phones/{name}.txt").read_bytes())
    prepare_lang(dictionary, made, LexiconOptions("<SIL>"))
    total = Deviation()
    for path in [golden / name for name in ("words.txt", "phones.txt", "topo", "oov.int")] + [*golden.glob("phones/*")]:
        total |= compare(made / path.relative_to(golden), path, path.name, Tolerance())
    for name in ("L.fst", "L_disambig.fst"):
        total |= graph_deviation(read_graph(made / name), read_graph(golden / name), WEIGHTS)
    return outcome(total, WEIGHTS)


@covers(r"^lang/G(_uni)?\.fst$")
def grammar(workplace: Workplace, row: Row) -> Outcome:
    """arpa2fst, compared as a graph."""
    workplace.run(row)
    name = row.files[0]
    mine, its = read_graph(workplace.place / name), read_graph(workplace.golden / name)
    return outcome(graph_deviation(mine, its, WEIGHTS), WEIGHTS)


@covers(r"^lang/(L|L_disambig|G|G_uni)\.fst\.txt$")
def graph_text(workplace: Workplace, row: Row) -> Outcome:
    """The graph, printed; with fewer digits of the weights than OpenFst prints."""
    name = row.files[0]
    (workplace.place / name).write_text(read_graph(workplace.golden / name.removesuffix(".txt")).to_text())
    return compared(workplace, row, WEIGHTS)


@covers(r"^lang/LG\.fst$")
def lexicon_and_grammar(workplace: Workplace, row: Row) -> Outcome:
    """LG of Kaldi's L and G."""
    lang = workplace.golden / "lang"
    mine = compose_lg(read_graph(lang / "L_disambig.fst"), read_graph(lang / "G.fst"))
    tolerance = Tolerance.parse(row.tolerance)
    return outcome(graph_deviation(mine, read_graph(lang / "LG.fst"), tolerance), tolerance)


@covers(r"HCLG\.fst$")
def decoding_graph(workplace: Workplace, row: Row) -> Outcome:
    """HCLG of Kaldi's LG, tree and model."""
    folder, lang = (workplace.golden / row.files[0]).parent, workplace.golden / "lang"
    tree, model = ContextDependency.load(folder / "tree"), TransitionModel.load(folder / "final.mdl")
    symbols = [int(word) for word in (lang / "phones/disambig.int").read_text().split()]
    mine = compose_hclg(read_graph(lang / "LG.fst"), tree, model, symbols, GraphOptions())
    write_graph(workplace.place / "work/HCLG.fst", mine)
    mine = read_graph(workplace.place / "work/HCLG.fst")
    return outcome(graph_deviation(mine, read_graph(folder / "HCLG.fst"), WEIGHTS), WEIGHTS)


@covers(r"^gmm/text\.int$")
def word_ids(workplace: Workplace, row: Row) -> Outcome:
    """Transcripts by number."""
    words = read_symbol_table(workplace.golden / "lang/words.txt")
    lines = (line.split() for line in (workplace.golden / "data/text").read_text().splitlines())
    text = "".join(f"{line[0]} {' '.join(str(words[word]) for word in line[1:])}\n" for line in lines)
    (workplace.place / row.files[0]).write_text(text)
    return compared(workplace, row)


@covers(r"^gmm/(mono|tri1)/tree ")
def read_and_written(workplace: Workplace, row: Row) -> Outcome:
    """A tree and a model read and written again."""
    tree, model = (workplace.golden / name for name in row.files)
    return by_command(workplace, row, f"copy-tree {tree} {row.files[0]} && gmm-copy {model} {row.files[1]}")


@covers(r"^gmm/(mono|tri1)/ali\.txt")
def alignment(workplace: Workplace, row: Row) -> Outcome:
    """Transition-ids exactly, scores as likelihoods are."""
    workplace.run(row)
    return compared(workplace, row, LIKELIHOODS)


@covers(r"^gmm/sub\.ark ")
def copied_set(workplace: Workplace, row: Row) -> Outcome:
    """Features copied, and transcripts by number; the words' ids come from a larger set that is not kept."""
    golden = workplace.golden
    copies = [f"cp {golden / name} {name}" for name in row.files[2:]]
    features = f"copy-feats --compress=false ark:{golden}/gmm/sub.ark ark,scp:{row.files[0]},{row.files[1]}"
    return by_command(workplace, row, " && ".join([features, *copies]))


@covers(r"^gmm/est/0\.acc")
def one_step(workplace: Workplace, row: Row) -> Outcome:
    """Statistics within their tolerance, and the model after the update within its own."""
    workplace.run(row)
    statistics, parameters = Tolerance(relative=1e-4), Tolerance(relative=1e-3)
    total = Deviation()
    for name in row.files[:3]:
        total |= compare(*workplace.comparable(name), name, parameters if "mdl" in name else statistics)
    return outcome(total, statistics)


@covers(r"^gmm/est/mix")
def mixed_up(workplace: Workplace, row: Row) -> Outcome:
    """The second command of the row: Kaldi refused the first."""
    return by_command(workplace, row, row.command.partition(" || ")[2])


@covers(r"^gmm/(mono|tri1)/lat\.txt|^nnet3/A_lat")
def decoded(workplace: Workplace, row: Row) -> Outcome:
    """Best words exactly, costs of the best paths; arcs near the edge of the beam may differ."""
    workplace.run(row)
    lattices, words = row.files[:2]
    total = compare(workplace.place / words, workplace.golden / words, words, Tolerance())
    paths = [
        {key: best_path(lattice, 1.0, 0.1) for key, lattice in read_lattice_table(f"ark:{path}")}
        for path in workplace.comparable(lattices)
    ]
    if paths[0].keys() != paths[1].keys() or any(paths[0][key].ids != path.ids for key, path in paths[1].items()):
        raise DifferentError(f"{lattices}: other best paths")
    costs = [np.array([[path.graph, path.acoustic] for path in found.values()]) for found in paths]
    tolerance = Tolerance(relative=1e-3)
    return outcome(total | tolerance.deviation(*costs), tolerance)
