"""lattice-align-words-lexicon: make every arc of lattices a whole word, or silence."""

from houseblend.cli.program import argument, program, skipping


@program(
    example="lattice-align-words-lexicon lang/phones/align_lexicon.int exp/mono/final.mdl ark:lat.ark ark:aligned.ark"
)
@argument("lexicon", help="align_lexicon.int: lines of a word, the word to write, and phones")
@argument("model", help="transition model, or acoustic model of any kind")
@argument("lattices", help="lattices (rspecifier)")
@argument("wspecifier", help="lattices to write")
@skipping
def main(lexicon: str, model: str, lattices: str, wspecifier: str, max_skipped: int | None) -> None:
    """Give each arc the transition-ids of its word."""
    from houseblend.base.errors import InputError
    from houseblend.cli.program import Skips
    from houseblend.decode.lattice import read_lattice_table
    from houseblend.decode.word_alignment import AlignmentLexicon, align_words
    from houseblend.hmm.transition_model import TransitionModel
    from houseblend.io.tables import write_table

    pronunciations, transitions = AlignmentLexicon.read(lexicon), TransitionModel.load(model)
    with write_table(wspecifier, "lattice") as write, Skips(max_skipped, "lattices", lattices) as skips:
        for key, lattice in read_lattice_table(lattices):
            try:
                aligned = align_words(lattice, pronunciations, transitions)
            except InputError as failure:
                skips.skip(key, failure)
                continue
            write(key, aligned)
            skips.done(key)
