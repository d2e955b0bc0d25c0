"""Checks of pitch."""

import numpy as np
from checks import Outcome, covers, outcome
from compare import Deviation, Tolerance
from rows import Row
from workplace import Workplace

from houseblend.io.tables import read_table

HANDFUL = 0.02
"""Share of frames that may be on another path: one of the same cost as Kaldi's to seven digits, a lag away."""
NEXT_LAG = Tolerance(relative=0.0051, absolute=0.03)


@covers(r"^feats/pitch_raw")
def raw_pitch(workplace: Workplace, row: Row) -> Outcome:
    """Correlations and pitches, but for a handful of frames that are a lag away."""
    workplace.run(row)
    (name,) = row.files
    ours, kaldis = (dict(read_table(f"ark:{place}/{name}", "matrix")) for place in (workplace.place, workplace.golden))
    total, frames, elsewhere = Deviation(), 0, 0
    for key, raw in kaldis.items():
        apart = np.abs(ours[key][:, 1] / raw[:, 1] - 1) > 1e-3
        frames, elsewhere = frames + len(raw), elsewhere + int(apart.sum())
        total |= Tolerance(absolute=1e-3).deviation(ours[key][~apart, :1], raw[~apart, :1])
        total |= Tolerance(relative=1e-3).deviation(ours[key][~apart, 1:], raw[~apart, 1:])
        for column in range(2):
            beyond = NEXT_LAG.deviation(ours[key][apart, column], raw[apart, column]).beyond
            total |= Deviation(beyond=beyond)
    if elsewhere > HANDFUL * frames:
        total |= Deviation(beyond=elsewhere)
    found = outcome(total, Tolerance(absolute=1e-3))
    return Outcome(found.status, f"{found.remark}; {elsewhere} of {frames} frames a lag away at equal cost")
