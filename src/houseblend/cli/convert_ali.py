"""convert-ali: alignments of one model as those of another."""

from houseblend.cli.program import argument, option, program, skipping


@program(example="convert-ali exp/mono_ali/final.mdl 1.mdl tree 'ark:gunzip -c exp/mono_ali/ali.1.gz |' ark:ali.ark")
@argument("old", help="model that the alignments were made with")
@argument("new", help="model that they are for")
@argument("tree", help="decision tree of the new model")
@argument("alignments", help="alignments to read")
@argument("out", help="alignments to write")
@option("--phone-map", help="Phones to take for others, OLD NEW a line")
@option("--reorder", type=bool, default=True, help="Self-loops stand behind the transition that leaves their state")
@option("--frame-subsampling-factor", type=int, default=1, help="Leave one frame of so many")
@option("--repeat-frames", type=bool, default=False, help="Repeat every frame that is left, so that the length stays")
@skipping
def main(
    old: str, new: str, tree: str, alignments: str, out: str, phone_map: str | None, reorder: bool,
    frame_subsampling_factor: int, repeat_frames: bool, max_skipped: int | None,
) -> None:  # fmt: skip
    """Write the new model's transition-ids for the same states at the same times."""
    from houseblend.base.errors import InputError, UsageError
    from houseblend.base.log import warn
    from houseblend.cli.program import Skips
    from houseblend.hmm.convert import Conversion, Converter
    from houseblend.hmm.transition_model import TransitionModel
    from houseblend.hmm.tree import ContextDependency
    from houseblend.io.tables import read_table, write_table
    from houseblend.lang.phone_files import read_phone_map

    if frame_subsampling_factor < 1:
        raise UsageError(f"--frame-subsampling-factor={frame_subsampling_factor}", expected="1 or more", do="change it")
    mapped = read_phone_map(phone_map) if phone_map else None
    before, after = TransitionModel.load(old), TransitionModel.load(new)
    if before.topology != after.topology:
        warn("the models have other HMMs: phones that differ get their states anew")
    conversion = Conversion(mapped, frame_subsampling_factor, repeat_frames, reorder)
    converter = Converter(before, after, ContextDependency.load(tree), conversion)
    with write_table(out, "int-vector") as write, Skips(max_skipped) as skips:
        for key, ids in read_table(alignments, "int-vector"):
            try:
                converted = converter.convert(ids, key)
            except InputError as failure:
                skips.skip(key, failure)
                continue
            write(key, converted)
            skips.done(key)
