"""arpa2fst: the transducer of an ARPA language model."""

from pathlib import Path

from houseblend.cli.program import argument, option, program


@program(example="arpa2fst --disambig-symbol=#0 --read-symbol-table=lang/words.txt lm.arpa G.fst")
@argument("arpa", help="ARPA file")
@argument("fst", type=Path, help="FST to write")
@option("--disambig-symbol", default="#0", help="Input symbol of the back-off arcs")
@option("--read-symbol-table", type=Path, help="Numbers of the words (words.txt)")
@option("--bos-symbol", default="<s>", help="Sentence start")
@option("--eos-symbol", default="</s>", help="Sentence end")
def main(
    arpa: str, fst: Path, disambig_symbol: str, read_symbol_table: Path | None, bos_symbol: str, eos_symbol: str
) -> None:
    """Turn an ARPA language model into G.fst."""
    from houseblend.base.errors import UsageError
    from houseblend.base.log import log
    from houseblend.io import lang_files
    from houseblend.lang.arpa import arpa_graph
    from houseblend.lang.fst import write_graph

    if read_symbol_table is None:
        raise UsageError("--read-symbol-table is missing", expected="words.txt of a lang directory")
    words = lang_files.read_symbol_table(read_symbol_table)
    graph = arpa_graph(arpa, words, disambig_symbol, bos_symbol, eos_symbol)
    write_graph(fst, graph)
    log(f"wrote {len(graph.arcs)} states and {graph.num_arcs} arcs to {fst}")
