"""wav-to-duration: lengths of recordings in seconds."""

from houseblend.cli.program import argument, program


@program(example="wav-to-duration scp:wav.scp ark,t:reco2dur")
@argument("wav_rspecifier", help="recordings")
@argument("durations_wspecifier", help="durations to write")
def main(wav_rspecifier: str, durations_wspecifier: str) -> None:
    """Length of every recording in seconds."""
    from houseblend.cli.program import Skips
    from houseblend.io.tables import read_table, write_table

    with Skips(0, "recordings") as skips, write_table(durations_wspecifier, "float") as write:
        for key, (rate, samples) in read_table(wav_rspecifier, "wav"):
            write(key, len(samples) / rate)
            skips.done(key)
