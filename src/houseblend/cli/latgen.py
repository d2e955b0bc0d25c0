"""What gmm-latgen-faster and nnet3-latgen-faster share."""

from collections.abc import Callable
from typing import Any

from houseblend.cli.program import argument, option, skipping


def latgen_options(function: Callable) -> Callable:
    """Declare their arguments and options."""
    for declare in (
        skipping,
        option("--determinize-lattice", type=bool, default=True, help="false writes all paths that the search found"),
        option("--allow-partial", type=bool, default=False, help="Take paths that reach no end where none does"),
        option("--word-symbol-table", default="", help="words.txt, to log what was recognised"),
        option("--max-active", type=int, default=2**31 - 1, help="Most tokens of the search a frame"),
        option("--lattice-beam", type=float, default=10.0, help="Beam of the lattice"),
        option("--beam", type=float, default=16.0, help="Beam of the search"),
        option("--acoustic-scale", type=float, default=0.1, help="Factor on log-likelihoods"),
        argument(
            "words",
            nargs=-1,
            help="model, HCLG, features, lattices to write [, words to write [, alignments to write]]",
        ),
    ):
        function = declare(function)
    return function


def run_latgen(words: tuple[str, ...], kind: str, options: dict[str, Any]) -> None:
    """Decode a table of features.

    Args:
        words: the positional arguments.
        kind: gmm or nnet3, what the model must be.
        options: the options by name.

    Raises:
        UsageError: another number of arguments.
        InputError: files are missing or do not fit, or too many utterances were skipped.
    """
    from contextlib import ExitStack
    from pathlib import Path

    from houseblend.base.errors import InputError, UsageError
    from houseblend.base.log import log
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
    scale = options["acoustic_scale"]
    limits = (options["beam"], options["lattice_beam"], scale, options["max_active"])
    decoder = Decoder(
        Path(graph), transitions, scorer, *limits, options["allow_partial"], options["determinize_lattice"]
    )
    table = options["word_symbol_table"]
    names = {number: name for name, number in read_symbol_table(Path(table)).items()} if table else {}
    kinds = ("lattice", "int-vector", "int-vector")
    with ExitStack() as stack, Skips(options["max_skipped"]) as skips:
        writers = [stack.enter_context(write_table(name, kind)) for name, kind in zip(targets, kinds, strict=False)]
        for key, feats in read_table(features, "matrix"):
            lattice = decoder.lattice(feats, key)
            path = best_path(lattice, 1.0, scale) if lattice is not None else None
            if lattice is None or path is None:
                skips.skip(key, "the search reached no end")
                continue
            for write, value in zip(writers, (lattice, path.words, path.ids), strict=False):
                write(key, value)
            if names:
                log(f"{key} {' '.join(names.get(word, str(word)) for word in path.words)}")
            skips.done(key)
