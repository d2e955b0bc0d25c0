"""Posteriors: Kaldi's, and frames with several entries."""

from pathlib import Path

import numpy as np
import pytest

from houseblend.base.errors import InputError
from houseblend.hmm.posterior import frame_weights, scaled, to_pdfs, weight_silence, weight_silent_frames
from houseblend.hmm.transition_model import TransitionModel

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
MODEL = TransitionModel.load(GOLDEN / "hmm/mono/transitions.mdl")


def test_the_programs_give_kaldis_bytes(tmp_path, run_program):
    model, io = GOLDEN / "hmm/mono/transitions.mdl", GOLDEN / "io"
    commands = [
        ("ali-to-post", f"ark:{io}/ali.ark", "ark:post.ark"),
        ("copy-post", "ark:post.ark", "ark,t:post.txt"),
        ("post-to-pdf-post", model, "ark:post.ark", "ark,t:pdfpost.txt"),
        ("weight-silence-post", 0.25, "1", model, "ark:post.ark", "ark,t:silpost.txt"),
        ("post-to-weights", "ark:silpost.txt", "ark:weights.ark"),
    ]
    for name, *words in commands:
        run_program(name, *words, cwd=tmp_path, check=True)
        target = str(words[-1]).rpartition(":")[2]
        assert (tmp_path / target).read_bytes() == (io / target).read_bytes(), target


def entries_of(silent: bool) -> list[int]:
    """Two transition-ids of one pdf, of silence (phone 1) or not."""
    ids = np.flatnonzero((MODEL.id_to_phone == 1) == silent)
    ids = ids[ids > 0]
    return ids[MODEL.id_to_pdf[ids] == MODEL.id_to_pdf[ids[0]]][:2].tolist()


def test_weights_of_one_pdf_are_added_up_and_may_cancel():
    first, second = entries_of(silent=False)
    pdf = int(MODEL.id_to_pdf[first])
    posterior = [[(first, 0.5), (second, 0.25)], [(first, 1.0), (second, -1.0)], []]
    assert to_pdfs(posterior, MODEL) == [[(pdf, 0.75)], [], []]


def test_silence_is_scaled_by_entry_and_by_frame():
    (silence, _), (speech, _) = entries_of(silent=True), entries_of(silent=False)
    posterior = [[(silence, 0.5), (speech, 0.5)], [(silence, 1.0)], []]
    assert weight_silence(posterior, MODEL, {1}, 0.5) == [[(silence, 0.25), (speech, 0.5)], [(silence, 0.5)], []]
    assert weight_silence(posterior, MODEL, {1}, 0.0) == [[(speech, 0.5)], [], []]
    assert weight_silent_frames(posterior, MODEL, {1}, 0.5) == [
        [(silence, 0.375), (speech, 0.375)], [(silence, 0.5)], [],
    ]  # fmt: skip
    assert weight_silent_frames(posterior, MODEL, {1}, 0.0)[1:] == [[], []]
    np.testing.assert_array_equal(frame_weights(posterior), [1.0, 1.0, 0.0])
    assert scaled(posterior, 0.0) == [[], [], []]


def test_ids_of_another_model_are_refused():
    with pytest.raises(InputError, match=r"\[utt\] .*transition-id 9999"):
        to_pdfs([[(9999, 1.0)]], MODEL, "utt")
