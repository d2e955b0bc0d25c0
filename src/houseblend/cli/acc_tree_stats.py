"""acc-tree-stats: statistics of phones in context, for trees."""

from houseblend.cli.context_options import context_options
from houseblend.cli.feature_options import WITH_DELTAS
from houseblend.cli.program import argument, option, program, skipping


@program(example=f"acc-tree-stats --ci-phones=1:2 exp/mono/final.mdl {WITH_DELTAS} ark:ali.ark 1.treeacc")
@argument("model", help="transition model, or acoustic model of any kind, that the alignments were made with")
@argument("feats", help="features as the tree is for: normalised, with deltas")
@argument("alignments", help="transition-id of every frame")
@argument("acc", help="where to write the statistics")
@option("--binary", type=bool, default=True, help="Write Kaldi's binary form")
@option("--ci-phones", default="", help="Phones whose context does not count, after the map, separated by colons")
@context_options
@option("--phone-map", help="Phones to take for others, OLD NEW a line")
@option("--var-floor", type=float, default=0.01, help="Floor of variances when likelihoods are computed")
@skipping
def main(
    model: str, feats: str, alignments: str, acc: str, binary: bool, ci_phones: str, context_width: int,
    central_position: int, phone_map: str | None, var_floor: float, max_skipped: int | None,
) -> None:  # fmt: skip
    """Accumulate count, sums and squares of the frames of every phone in context and pdf-class."""
    from houseblend.base.log import log
    from houseblend.cli.context_options import check_window, numbers_of
    from houseblend.cli.program import Skips
    from houseblend.hmm.alignment import cut_off
    from houseblend.hmm.transition_model import TransitionModel
    from houseblend.io.objects import open_output
    from houseblend.io.tables import open_table, read_table
    from houseblend.lang.phone_files import read_phone_map
    from houseblend.tree.accumulate import Accumulator, Context

    check_window(context_width, central_position)
    independent = frozenset(numbers_of("--ci-phones", ci_phones))
    mapped = read_phone_map(phone_map) if phone_map else None
    context = Context(context_width, central_position, independent, mapped)
    transitions = TransitionModel.load(model)
    accumulator = Accumulator(transitions, context, var_floor)
    with open_table(alignments, "int-vector") as aligned, Skips(max_skipped) as skips:
        for key, feats_TD in read_table(feats, "matrix"):
            if key not in aligned:
                skips.skip(key, "no alignment")
            elif not 0 < len(aligned[key]) == len(feats_TD):
                skips.skip(key, f"{len(feats_TD)} frames, {len(aligned[key])} in the alignment")
            elif wrong := cut_off(aligned[key], transitions, key):
                skips.skip(key, wrong)
            else:
                accumulator.add(feats_TD, aligned[key], key)
                skips.done(key)
    stats = accumulator.statistics()
    with open_output(acc, binary) as target:
        stats.write(target)
    log(f"{len(stats)} states of phones in context")
