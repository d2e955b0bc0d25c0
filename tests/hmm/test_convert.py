"""Alignments converted to other trees, phones, frame rates and orders of transitions."""

import numpy as np
import pytest
from golden_hmm import GOLDEN, load

from houseblend.base.errors import InputError
from houseblend.hmm.alignment import phone_segments
from houseblend.hmm.convert import Conversion, Converter, new_lengths
from houseblend.hmm.topology import HmmState, HmmTopology
from houseblend.hmm.transition_model import TransitionModel
from houseblend.hmm.tree import ContextDependency
from houseblend.io.tables import read_table

ALIGNMENTS = dict(read_table(f"ark:{GOLDEN.parent}/gmm/sub_ali.ark", "int-vector"))
MONO, TRI = load("mono"), load("tri1")
FEW = list(ALIGNMENTS)[:10]


def is_path(ids, model):
    """Whether transition-ids, self-loops behind, lead through whole phones."""
    for phone, start, end in phone_segments(ids, model, "a"):
        here, states = 0, model.topology.states_of(phone)
        own = ids[start:end]
        for place, number in enumerate(own):
            state, index = int(model.id_to_hmm_state[number]), number - model.first_id[model.id_to_state[number]]
            if model.id_is_self_loop[number]:
                if place == 0 or state != model.id_to_hmm_state[own[place - 1]]:
                    return False
            elif state != here or model.id_to_phone[number] != phone:
                return False
            else:
                here = states[state].transitions[index][0]
        if here != len(states) - 1:
            return False
    return True


def test_states_and_transitions_stay_and_pdfs_are_those_of_the_new_tree():
    converter = Converter(MONO[1], TRI[1], TRI[0], Conversion())
    back = Converter(TRI[1], MONO[1], MONO[0], Conversion())
    for key in FEW:
        old, new = ALIGNMENTS[key], converter.convert(ALIGNMENTS[key], key)
        for name in ("id_to_phone", "id_to_hmm_state", "id_to_pdf_class", "id_is_self_loop", "id_is_final"):
            assert (getattr(MONO[1], name)[old] == getattr(TRI[1], name)[new]).all()
        segments = phone_segments(old, MONO[1])
        phones = [0, *(phone for phone, _, _ in segments), 0]
        for place, (_, start, end) in enumerate(segments):
            for number in new[start:end]:
                expected = TRI[0].compute(phones[place : place + 3], int(TRI[1].id_to_pdf_class[number]))
                assert TRI[1].id_to_pdf[number] == expected
        assert (back.convert(new, key) == old).all()


def test_order_of_self_loops_changes_and_changes_back():
    forth = Converter(*[MONO[1]] * 2, MONO[0], Conversion(reorder=False))
    back = Converter(*[MONO[1]] * 2, MONO[0], Conversion())
    changed = 0
    for key in FEW:
        first = forth.convert(ALIGNMENTS[key], key)
        changed += (first != ALIGNMENTS[key]).any()
        assert (MONO[1].id_to_state[first] == MONO[1].id_to_state[ALIGNMENTS[key]]).all()
        assert not MONO[1].id_is_self_loop[first[-1]]
        assert (back.convert(first, key) == ALIGNMENTS[key]).all()
    assert changed == len(FEW)


@pytest.mark.parametrize("factor", [2, 3])
def test_lower_frame_rates_keep_the_phones(factor):
    for repeat in (False, True):
        converter = Converter(MONO[1], TRI[1], TRI[0], Conversion(subsampling=factor, repeat=repeat))
        for key in FEW:
            old = ALIGNMENTS[key]
            new = converter.convert(old, key)
            assert len(new) == len(old) if repeat else -(-len(old) // factor)
            assert (converter.convert(old, key) == new).all()
            if not repeat:
                assert is_path(new, TRI[1])
                phones = [[phone for phone, _, _ in phone_segments(*pair)] for pair in ((old, MONO[1]), (new, TRI[1]))]
                assert phones[0] == phones[1]
    alone = Converter(MONO[1], TRI[1], TRI[0], Conversion(subsampling=factor)).convert(ALIGNMENTS[FEW[0]], FEW[0])
    whole = Converter(MONO[1], TRI[1], TRI[0], Conversion(subsampling=factor, repeat=True)).convert(
        ALIGNMENTS[FEW[0]], FEW[0]
    )
    assert (whole[::factor] == alone).all()


def test_other_phones_and_hmms_take_the_frames():
    """All speech becomes one phone of one state, silence one of two."""
    states = [[HmmState(0, [(0, 0.5), (1, 0.5)]), HmmState(-1)],
              [HmmState(0, [(0, 0.5), (1, 0.5)]), HmmState(1, [(1, 0.5), (2, 0.5)]), HmmState(-1)]]  # fmt: skip
    topology = HmmTopology([1, 2], {1: 1, 2: 0}, states)
    tree = ContextDependency.monophone([[1], [2]], {1: 2, 2: 1})
    model = TransitionModel.initial(topology, tree)
    phone_map = {phone: 1 if phone == 1 else 2 for phone in range(1, 21)}
    converter = Converter(MONO[1], model, tree, Conversion(phone_map))
    for key in FEW:
        new = converter.convert(ALIGNMENTS[key], key)
        assert len(new) == len(ALIGNMENTS[key])
        assert is_path(new, model)
        assert [s[1:] for s in phone_segments(new, model)] == [s[1:] for s in phone_segments(ALIGNMENTS[key], MONO[1])]
    with pytest.raises(InputError, match="lacks it"):
        Converter(MONO[1], model, tree, Conversion({1: 1})).convert(ALIGNMENTS[FEW[0]], "a")
    with pytest.raises(InputError, match="which the new model lacks"):
        Converter(MONO[1], model, tree, Conversion(dict.fromkeys(phone_map, 3))).convert(ALIGNMENTS[FEW[0]], "a")


def test_frames_are_borrowed_from_the_nearest_phone():
    assert new_lengths([9, 1, 3], [1, 1, 1], 3, 2, "a") == [3, 1, 1]
    assert new_lengths([9, 1, 2, 6], [1, 1, 1, 1], 3, 2, "a") == [3, 1, 1, 1]
    assert new_lengths([4, 4, 4, 4], [4, 4, 4, 4], 1, 0, "a") == [4, 4, 4, 4]
    assert new_lengths([6, 3, 1, 6], [2, 3, 3, 2], 1, 0, "a") == [6, 3, 3, 4]
    with pytest.raises(InputError, match=r"\[a\] 4 frames for phones that need 6"):
        new_lengths([6, 6], [3, 3], 3, 2, "a")


def test_alignments_that_break_off_are_refused():
    with pytest.raises(InputError, match=r"\[a\] phone \d+ of frames \d+ to \d+ is cut off"):
        Converter(MONO[1], TRI[1], TRI[0], Conversion()).convert(ALIGNMENTS[FEW[0]][:3], "a")
    assert len(Converter(MONO[1], TRI[1], TRI[0], Conversion()).convert(np.zeros(0, dtype=np.int32), "a")) == 0


def test_the_program_converts_tables_and_counts_what_it_leaves_out(run_program, tmp_path):
    (tmp_path / "ali").write_text(f"a {' '.join(map(str, ALIGNMENTS[FEW[0]]))}\nb 1\n")
    (tmp_path / "map").write_text("".join(f"{phone} {phone}\n" for phone in range(1, 21)))
    words = (
        GOLDEN / "mono/transitions.mdl",
        GOLDEN / "tri1/transitions.mdl",
        GOLDEN / "tri1/tree",
        f"ark:{tmp_path}/ali",
    )
    done = run_program("convert-ali", f"--phone-map={tmp_path}/map", *words, f"ark:{tmp_path}/out", check=True)
    assert "skipped 1" in done.stderr
    ((key, new),) = read_table(f"ark:{tmp_path}/out", "int-vector")
    assert key == "a"
    assert (new == Converter(MONO[1], TRI[1], TRI[0], Conversion()).convert(ALIGNMENTS[FEW[0]], "a")).all()
    done = run_program("convert-ali", "--frame-subsampling-factor=0", *words, "ark:-")
    assert done.status == 2
