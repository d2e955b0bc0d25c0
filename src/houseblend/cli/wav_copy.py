"""wav-copy: copy recordings, as 16-bit WAV."""

from houseblend.cli.program import argument, program


@program(example="wav-copy wav.ark:6 - | sox -t wav - -t wav - speed 0.9 > slow.wav")
@argument("wav_in", help="rspecifier of recordings, or the file of one, WAV, FLAC or SPHERE")
@argument("wav_out", help="wspecifier of recordings, or the file of one")
def main(wav_in: str, wav_out: str) -> None:
    """Copy recordings, all channels."""
    from houseblend.cli.program import Skips
    from houseblend.io.tables import copies_table, read_object, read_table, write_object, write_table

    if not copies_table(wav_in, wav_out):
        write_object(wav_out, "wav", read_object(wav_in, "wav"))
        return
    with write_table(wav_out, "wav") as write, Skips(0, "recordings") as skips:
        for key, recording in read_table(wav_in, "wav"):
            write(key, recording)
            skips.done(key)
