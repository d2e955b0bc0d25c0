"""How close a trained network must come to Kaldi's: no implementation is closer to Kaldi than Kaldi is to itself."""

import re
from pathlib import Path

from rows import read_rows

NOISE = Path(__file__).resolve().parents[1] / "golden/noise.txt"
"""What Kaldi trained from the same examples with two threads and with other kernels, beside what is stored."""


def trajectory_tolerance(network: str) -> float:
    """Of the parameters of `nnet3/B_m0_20`, say: what its row allows, or twice Kaldi's own noise if that is more."""
    row = next(row for row in read_rows() if row.files[:1] == (f"{network}.raw",))
    early, late = re.findall(r"(\S+) \(k<?=", row.tolerance)
    return max(float(late if network.endswith("_20") else early), 2 * kaldi_noise()[network])


def kaldi_noise() -> dict[str, float]:
    """The largest distance from itself, by network."""
    found = re.findall(r"^(\S+) (\d+)  (\S+)  (\S+)  (\S+)  \S+$", NOISE.read_text(), flags=re.MULTILINE)
    return {f"{model}_{count}": max(map(float, distances)) for model, count, *distances in found}
