"""MFCC of recordings beside kaldi-native-fbank, reading and writing included: python tests/bench/bench_features.py [--quick]

Both read the same wave files and write an archive of the same features; the peer by the shortest way that Python
leaves it: soundfile, one call for the recording, one for each frame.
"""

import argparse
import struct
import tempfile
from pathlib import Path

from timing import Lines, alternate, pin

pin()

import kaldi_native_fbank as peer
import numpy as np
import soundfile

from houseblend.cli import feature_table
from houseblend.feat import spectrum
from houseblend.feat.options import MfccOptions, flat_fields
from houseblend.io import tables

RATE = 8000


def write_recordings(folder: Path, count: int, seconds: float) -> float:
    """Noise of changing loudness in wave files, and wav.scp; returns the seconds written."""
    random = np.random.default_rng(1)
    lines = []
    for number in range(count):
        samples = random.standard_normal(int(RATE * seconds)) * np.linspace(100, 6000, int(RATE * seconds))
        path = folder / f"r{number:05d}.wav"
        soundfile.write(path, samples.astype(np.int16), RATE)
        lines.append(f"{path.stem} {path}\n")
    (folder / "wav.scp").write_text("".join(lines))
    return count * seconds


def peers_features(folder: Path) -> None:
    """The same archive by kaldi-native-fbank."""
    options = peer.MfccOptions()
    options.frame_opts.samp_freq, options.frame_opts.dither = RATE, 0.0
    with open(folder / "peer.ark", "wb") as archive:
        for line in (folder / "wav.scp").read_text().splitlines():
            key, path = line.split()
            samples, rate = soundfile.read(path, dtype="int16")
            computer = peer.OnlineMfcc(options)
            computer.accept_waveform(rate, samples.astype(np.float32).tolist())
            computer.input_finished()
            feats = np.stack([computer.get_frame(t) for t in range(computer.num_frames_ready)])
            head = b" \0BFM \4" + struct.pack("<i", len(feats)) + b"\4" + struct.pack("<i", feats.shape[1])
            archive.write(key.encode() + head + feats.tobytes())


def our_features(folder: Path) -> None:
    """What compute-mfcc-feats does behind its start."""
    values = {name: default for name, default, _ in flat_fields(MfccOptions)} | {"sample_frequency": float(RATE)}
    rest = {"max_skipped": None, "channel": -1, "seed": 0, "subtract_mean": False}
    rest |= {"allow_downsample": False, "allow_upsample": False}
    feature_table.write_features(MfccOptions, f"scp:{folder}/wav.scp", f"ark:{folder}/our.ark", **values, **rest)


def require_same(folder: Path) -> None:
    """The two archives agree, up to the order of float32 sums."""
    ours, theirs = (dict(tables.read_table(f"ark:{folder}/{name}.ark", "matrix")) for name in ("our", "peer"))
    assert list(ours) == list(theirs)
    for key, feats in ours.items():
        np.testing.assert_allclose(feats, theirs[key], rtol=1e-3, atol=2e-2)


def counted_lines() -> Lines:
    """The functions on the way from a file to its features."""
    lines = Lines()
    lines.count("the rest: tables, options, writing", feature_table, "write_features")
    lines.count("reading wave files", tables, "_read_script_entry")
    lines.count("windows", spectrum, "prepare_frames")
    lines.count("power spectra", spectrum, "power_spectrum")
    lines.count("mel filters, cepstra", feature_table, "extract")
    return lines


def compare(name: str, count: int, seconds: float) -> None:
    """Print the ratio to the peer and where our time goes."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        total = write_recordings(folder, count, seconds)
        theirs, ours = alternate(lambda: peers_features(folder), lambda: our_features(folder))
        require_same(folder)
        print(
            f"MFCC, {count} {name}: {total / ours:.0f} x real time, the floor (kaldi-native-fbank) {total / theirs:.0f};"
        )
        print(f"    ours / peer {theirs / ours:.2f} times as fast; of ours:")
        counted_lines().show(lambda: our_features(folder))


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that it runs")
    quick = parser.parse_args().quick
    compare("files of 20 s", 20 if not quick else 2, 20.0 if not quick else 1.0)
    compare("files of 0.44 s", 1000 if not quick else 3, 0.44)


if __name__ == "__main__":
    main()
