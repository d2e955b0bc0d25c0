"""Voice activity: the decision frame by frame, written out once more."""

import numpy as np
import pytest

from houseblend.base.errors import UsageError
from houseblend.cli.compute_vad import main
from houseblend.feat.options import VadOptions
from houseblend.feat.vad import detect_voice
from houseblend.io.tables import read_table, write_table


@pytest.mark.parametrize("context", [0, 2, 30])
@pytest.mark.parametrize("scale", [0.0, 0.5])
def test_enough_neighbours_must_be_loud(context, scale):
    feats = np.random.default_rng().normal(10, 3, size=(40, 4)).astype(np.float32)
    options = VadOptions(vad_energy_mean_scale=scale, vad_frames_context=context, vad_proportion_threshold=0.5)
    threshold = 5.0 + scale * feats[:, 0].mean()
    wanted = []
    for t in range(40):
        near = feats[max(t - context, 0) : t + context + 1, 0]
        wanted.append(float(sum(near > threshold) >= 0.5 * len(near)))
    found = detect_voice(feats, options)
    assert found.dtype == np.float32
    assert found.tolist() == wanted


@pytest.mark.parametrize("values", [{"vad_proportion_threshold": 1.0}, {"vad_frames_context": -1}])
def test_values_without_sense_are_refused(values):
    with pytest.raises(UsageError, match="--vad"):
        VadOptions(**values)


def test_utterances_without_speech_are_left_out_if_asked(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with write_table("ark:feats.ark", "matrix") as write:
        write("loud", np.array([[20.0, 0], [1.0, 0]], dtype=np.float32))
        write("quiet", np.full((3, 2), -1.0, np.float32))
    assert main.main(["ark:feats.ark", "ark,t:vad.txt"]) == 0
    assert (tmp_path / "vad.txt").read_text() == "loud  [ 1 0 ]\nquiet  [ 0 0 0 ]\n"
    assert "speech in 1 of 5 frames" in capsys.readouterr().err
    assert main.main(["--omit-unvoiced-utts=true", "ark:feats.ark", "ark:vad.ark"]) == 0
    assert [key for key, _ in read_table("ark:vad.ark", "vector")] == ["loud"]
