"""compile-train-graphs: graphs of all state sequences of transcripts."""

from pathlib import Path

from houseblend.cli.program import argument, option, program, skipping


@program(example="compile-train-graphs exp/mono/tree exp/mono/final.mdl data/lang/L.fst ark:text.int ark:graphs.fsts")
@argument("tree", help="decision tree")
@argument("model", help="transition model, or acoustic model of any kind")
@argument("lexicon", help="L.fst of a lang directory")
@argument("transcripts", help="word ids of every utterance")
@argument("graphs", help="where to write the graphs")
@option("--read-disambig-syms", type=Path, help="Phone symbols for disambiguation, one a line")
@option("--transition-scale", type=float, default=0.0, help="Factor on transition log-probabilities")
@option("--self-loop-scale", type=float, default=0.0, help="Factor on those of self-loops")
@option("--batch-size", type=int, default=1, help="Taken as Kaldi's is; graphs are compiled one after the other")
@skipping
def main(
    tree: str, model: str, lexicon: str, transcripts: str, graphs: str, read_disambig_syms: Path | None,
    transition_scale: float, self_loop_scale: float, batch_size: int, max_skipped: int | None,
) -> None:  # fmt: skip
    """Compile graphs; without scales they hold no transition probabilities, which aligners add."""
    from houseblend.base.errors import InputError
    from houseblend.cli.program import Skips
    from houseblend.hmm.options import GraphOptions
    from houseblend.hmm.training_graph import TrainingGraphCompiler
    from houseblend.hmm.transition_model import TransitionModel
    from houseblend.hmm.tree import ContextDependency
    from houseblend.io.tables import read_table, write_table
    from houseblend.lang import fst_table  # noqa: F401
    from houseblend.lang.fst import read_graph
    from houseblend.lang.phone_files import read_phone_list

    symbols = read_phone_list(read_disambig_syms) if read_disambig_syms else []
    compiler = TrainingGraphCompiler(
        TransitionModel.load(model), ContextDependency.load(tree), read_graph(lexicon), symbols,
        GraphOptions(transition_scale, self_loop_scale),
    )  # fmt: skip
    with write_table(graphs, "fst") as write, Skips(max_skipped) as skips:
        for key, words in read_table(transcripts, "int-vector"):
            try:
                graph = compiler.compile(words.tolist(), key)
            except InputError as failure:
                skips.skip(key, failure)
                continue
            write(key, graph)
            skips.done(key)
