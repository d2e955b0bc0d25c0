"""weight-silence-post: scale the posteriors of silence."""

from houseblend.cli.program import argument, option, program


@program(example="weight-silence-post 0.0 1:2:3 exp/mono/final.mdl ark:1.post ark:nosil.post")
@argument("silence_weight", type=float, help="factor; 0 leaves silence out")
@argument("silence_phones", help="phone ids with colons between them")
@argument("model", help="transition model, or acoustic model of any kind")
@argument("posteriors_in", help="posteriors of transition-ids")
@argument("posteriors_out", help="where to write them")
@option("--distribute", type=bool, default=False, help="Scale whole frames by their share of silence")
def main(
    silence_weight: float, silence_phones: str, model: str, posteriors_in: str, posteriors_out: str, distribute: bool
) -> None:
    """Scale the weights of some phones."""
    from houseblend.cli.id_list import parse_ids
    from houseblend.cli.program import Skips
    from houseblend.hmm.posterior import weight_silence, weight_silent_frames
    from houseblend.hmm.transition_model import TransitionModel
    from houseblend.io.tables import read_table, write_table

    phones = set(parse_ids(silence_phones, "silence phones"))
    change = weight_silent_frames if distribute else weight_silence
    transitions = TransitionModel.load(model)
    with write_table(posteriors_out, "posterior") as write, Skips(0, "posteriors") as skips:
        for key, posterior in read_table(posteriors_in, "posterior"):
            write(key, change(posterior, transitions, phones, silence_weight, key))
            skips.done(key)
