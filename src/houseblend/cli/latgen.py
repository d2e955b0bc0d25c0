"""What gmm-latgen-faster and nnet3-latgen-faster share."""

from collections.abc import Callable
from typing import Any

from houseblend.cli.program import argument, option, options_of, skipping
from houseblend.decode.options import SearchOptions


def latgen_options(function: Callable) -> Callable:
    """Declare their arguments and options."""
    for declare in (
        skipping,
        option("--word-symbol-table", default="", help="words.txt, to log what was recognised"),
        options_of(SearchOptions, "Options"),
        argument(
            "words",
            nargs=-1,
            help="model, HCLG, features, lattices to write [, words to write [, alignments to write]]",
        ),
    ):
        function = declare(function)
    return function


def run_latgen(words: tuple[str, ...], kind: str, values: dict[str, Any]) -> None:
    """Decode a table of features.

    Args:
        words: the positional arguments.
        kind: gmm or nnet3, what the model must be.
        values: the options by name.

    Raises:
        UsageError: another number of arguments.
        InputError: files are missing or do not fit, or too many utterances were skipped.
    """
    from contextlib import ExitStack
    from pathlib import Path

    from houseblend.base.errors import InputError, UsageError
    from houseblend.base.log import log
    from houseblend.base.options import chosen
    from houseblend.cli.program import Skips
    from houseblend.decode.acoustic import model_kind, read_scorer
    from houseblend.decode.decoder import Decoder
    from houseblend.decode.paths import best_path
    from houseblend.io.lang_files import read_symbol_table
    from houseblend.io.tables import read_table, write_table

    if not 4 <= len(words) <= 6:
        raise UsageError(f"{len(words)} arguments", expected="MODEL HCLG FEATURES LATTICES [WORDS [ALIGNMENTS]]")
    model, graph, features, *targets = words
    if model_kind(Path(model)) != kind:
        raise InputError(f"no {kind} model", file=model)
    transitions, scorer = read_scorer(Path(model))
    options = chosen(SearchOptions, values)
    decoder = Decoder(Path(graph), transitions, scorer, options)
    table = values["word_symbol_table"]
    names = {number: name for name, number in read_symbol_table(Path(table)).items()} if table else {}
    kinds = ("lattice", "int-vector", "int-vector")
    with ExitStack() as stack, Skips(values["max_skipped"]) as skips:
        writers = [stack.enter_context(write_table(name, kind)) for name, kind in zip(targets, kinds, strict=False)]
        for key, feats in read_table(features, "matrix"):
            lattice = decoder.lattice(feats, key)
            path = best_path(lattice, 1.0, options.acoustic_scale) if lattice is not None else None
            if lattice is None or path is None:
                skips.skip(key, "the search reached no end")
                continue
            for write, value in zip(writers, (lattice, path.words, path.ids), strict=False):
                write(key, value)
            if names:
                log(f"{key} {' '.join(names.get(word, str(word)) for word in path.words)}")
            skips.done(key)
