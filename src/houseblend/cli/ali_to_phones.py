"""ali-to-phones: alignments by transition-id to phones, with lengths or times if asked."""

from houseblend.cli.program import argument, option, program


@program(example="ali-to-phones --per-frame=true exp/mono/final.mdl 'ark:gunzip -c exp/mono_ali/ali.1.gz |' ark,t:-")
@argument("model", help="transition model, or acoustic model of any kind")
@argument("alignments", help="alignments to read")
@argument("phones", help="where to write the phones: a table, or a CTM file with --ctm-output")
@option("--per-frame", type=bool, default=False, help="Write the phone of every frame")
@option("--write-lengths", type=bool, default=False, help="Write every phone with its number of frames")
@option("--ctm-output", type=bool, default=False, help="Write lines: utterance 1 start duration phone")
@option("--frame-shift", type=float, default=0.01, help="Seconds a frame, for --ctm-output")
def main(
    model: str, alignments: str, phones: str, per_frame: bool, write_lengths: bool, ctm_output: bool, frame_shift: float
) -> None:
    """Convert alignments to phones, as numbers of phones.txt."""
    from houseblend.base.errors import UsageError
    from houseblend.hmm.alignment import phone_segments
    from houseblend.hmm.transition_model import TransitionModel
    from houseblend.io.streams import open_sink
    from houseblend.io.tables import read_table, write_table

    if per_frame + write_lengths + ctm_output > 1:
        raise UsageError("--per-frame, --write-lengths and --ctm-output exclude each other", do="choose one")
    transitions = TransitionModel.load(model)
    if ctm_output:
        digits = 3 if frame_shift <= 0.01 else 2
        with open_sink(phones) as sink:
            for key, ids in read_table(alignments, "int-vector"):
                for phone, start, end in phone_segments(ids, transitions, key):
                    times = f"{start * frame_shift:.{digits}f} {(end - start) * frame_shift:.{digits}f}"
                    sink.write(f"{key} 1 {times} {phone}\n".encode())
        return
    with write_table(phones, "int-pairs" if write_lengths else "int-vector") as write:
        for key, ids in read_table(alignments, "int-vector"):
            lengths = [(phone, end - start) for phone, start, end in phone_segments(ids, transitions, key)]
            if write_lengths:
                write(key, lengths)
            else:
                write(key, [phone for phone, length in lengths for _ in range(length if per_frame else 1)])
