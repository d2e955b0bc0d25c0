"""analyze-counts: how often each integer occurs in vectors."""

from houseblend.cli.program import argument, option, program


@program(example="analyze-counts --counts-dim=3000 ark:pdf.ark counts")
@argument("alignments", help="vectors of integers, such as pdfs of frames")
@argument("counts", help="vector to write")
@option("--binary", type=bool, default=False, help="Write in binary form")
@option("--counts-dim", type=int, default=0, help="Count at least the integers below")
@option("--symbol-table", default="", help="Log all counts, with the symbols of this table")
@option("--frame-weights", default="", help="Rspecifier: what each frame counts")
@option("--utt-weights", default="", help="Rspecifier: what each frame of an utterance counts")
def main(
    alignments: str,
    counts: str,
    binary: bool,
    counts_dim: int,
    symbol_table: str,
    frame_weights: str,
    utt_weights: str,
) -> None:
    """Count integers; half a frame is added to every count, so that none is 0."""
    from pathlib import Path

    import numpy as np

    from houseblend.base.errors import InputError, UsageError
    from houseblend.base.log import log, warn
    from houseblend.cli.program import Skips
    from houseblend.hmm.counts import MAX_LABEL, add_counts, counts_text
    from houseblend.io.lang_files import read_symbol_table
    from houseblend.io.tables import Table, read_table, write_object

    if not 0 <= counts_dim <= MAX_LABEL + 1:
        raise UsageError(f"--counts-dim={counts_dim}", expected=f"0 to {MAX_LABEL + 1}")
    names = {number: name for name, number in read_symbol_table(Path(symbol_table)).items()} if symbol_table else {}
    by_frame = Table(frame_weights, "vector") if frame_weights else None
    by_utterance = Table(utt_weights, "float") if utt_weights else None
    counts_P = np.zeros(counts_dim)
    with Skips(None) as skips:
        for key, labels_T in read_table(alignments, "int-vector"):
            try:
                weights_T = np.ones(len(labels_T)) if by_frame is None else by_frame[key].astype(np.float64)
                weight = 1.0 if by_utterance is None else by_utterance[key]
                counts_P = add_counts(counts_P, labels_T, weight * weights_T)
            except InputError as failure:
                skips.skip(key, failure)
                continue
            skips.done(key)
    if never := np.flatnonzero(counts_P == 0.0).tolist():
        warn(f"{len(never)} labels never occur, label {never[0]} first")
    write_object(counts, "vector", counts_P + 0.5, binary)
    if symbol_table:
        log(counts_text(counts_P, names))
