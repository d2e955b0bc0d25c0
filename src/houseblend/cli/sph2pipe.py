"""sph2pipe: a channel of a NIST SPHERE recording as WAV, for wav.scp, with the arguments of LDC's program."""

from pathlib import Path

from houseblend.cli.program import argument, flag, option, program


@program(example="sph2pipe -f wav -p -c 1 sw02001.sph > sw02001-A.wav")
@argument("sphere", type=Path, help="recording, mu-law or 16 bits, not compressed")
@option("-f", type=("wav",), default="wav", help="Format to write")
@flag("-p", help="16-bit samples, which are written anyhow")
@option("-c", type=int, help="Channel, counted from 1 [default: all]")
def main(sphere: Path, f: str, p: bool, c: int | None) -> None:
    """Write to standard output what the file holds."""
    import sys

    from houseblend.io.sphere import sphere_to_wav

    sys.stdout.buffer.write(sphere_to_wav(sphere, c))
