"""dict-dir-add-pronprobs: a dictionary with probabilities of pronunciations, and of silence around words."""

from pathlib import Path

from houseblend.cli.program import argument, option, program


@program(
    example="dict-dir-add-pronprobs dict pron_counts_nowb.txt sil_counts_nowb.txt pron_bigram_counts_nowb.txt dict_prons"
)
@argument("dict_dir", type=Path, help="dictionary directory")
@argument(
    "files", type=Path, nargs=-1,
    help="counts of pronunciations; counts of silence around words and of pairs of words, if wanted; directory to write",
)  # fmt: skip
@option("--max-normalize", type=bool, default=True, help="Divide by the most probable pronunciation of each word")
def main(dict_dir: Path, files: tuple[Path, ...], max_normalize: bool) -> None:
    """Write a dictionary whose pronunciations are as probable as they were counted, as count_prons (Kaldi's steps/get_prons.sh) counts them.

    With counts of silence, prepare_lang makes silence as probable as the words around it are used to.
    """
    from houseblend.base.errors import UsageError
    from houseblend.base.log import log
    from houseblend.lang import pron_counts, pron_probs
    from houseblend.lang.lexicon import Dictionary

    if len(files) not in (2, 4):
        raise UsageError(f"{len(files) + 1} arguments", expected="3, or 5 with counts of silence")
    *counts, out = files
    entries = Dictionary.read(dict_dir).entries
    weighted = pron_probs.with_pron_probs(entries, pron_counts.read_pron_counts(counts[0]), max_normalize)
    silences = None
    if len(counts) == 3:
        weighted, at_ends, overall = pron_probs.with_silence(weighted, pron_counts.read_silence_counts(*counts[1:]))
        silences = at_ends, overall
    pron_probs.write_dictionary(dict_dir, out, weighted, silences)
    log(f"wrote {len(weighted)} pronunciations to {out}")
