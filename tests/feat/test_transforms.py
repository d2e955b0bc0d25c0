"""Products and extensions of transforms, and CMVN statistics that skip dimensions: against what they do to frames."""

from typing import Any

import numpy as np
import pytest

from houseblend.base.errors import InputError
from houseblend.cli import compose_transforms, extend_transform_dim, modify_cmvn_stats
from houseblend.feat.cmvn import apply_cmvn, cmvn_stats, mean_and_variance, skip_dims
from houseblend.feat.rearrange import transform_frames
from houseblend.feat.transforms import compose, extend
from houseblend.io.tables import read_object, read_table, write_object, write_table


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng().normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("a_offset", [0, 1])
@pytest.mark.parametrize("b_offset", [0, 1])
def test_a_product_does_what_its_factors_do_one_after_the_other(a_offset, b_offset):
    a, b, feats = random(3, 5 + a_offset), random(5, 4 + b_offset), random(20, 4)
    if b_offset and not a_offset:  # the offset of b goes through a, whatever is said of it
        np.testing.assert_array_equal(compose(a, b), compose(a, b, b_is_affine=True))
    product = compose(a, b, b_is_affine=bool(b_offset))
    assert product.shape == (3, 4 + (a_offset or b_offset))
    wanted = transform_frames(transform_frames(feats, b), a)
    np.testing.assert_allclose(transform_frames(feats, product), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("offset", [0, 1])
def test_an_extended_transform_leaves_the_new_dimensions_alone(offset):
    transform, feats = random(4, 4 + offset), random(20, 7)
    wanted = np.concatenate([transform_frames(feats[:, :4], transform), feats[:, 4:]], axis=1)
    np.testing.assert_allclose(transform_frames(feats, extend(transform, 7)), wanted, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(extend(transform, 4), transform)


def test_transforms_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match=r"7 columns after one with 5 rows; expected 5 or"):
        compose(random(3, 7), random(5, 4))
    with pytest.raises(InputError, match=r"4 x 6; expected 4 x 4 or"):
        extend(random(4, 6), 8)
    with pytest.raises(InputError, match=r"4 dimensions; expected at most the 3"):
        extend(random(4, 4), 3)


@pytest.fixture
def tables(tmp_path):
    """Matrices by speaker in spk, by utterance in utt, and one alone in one."""
    made: dict[str, Any] = {
        "spk": {"s1": random(3, 4), "s2": random(3, 4)},
        "utt": {f"s{i}-a": random(3, 4) for i in (1, 2, 3)},
    }
    for name, matrices in made.items():
        with write_table(f"ark:{tmp_path}/{name}", "matrix") as write:
            for key, matrix in matrices.items():
                write(key, matrix)
    made["one"] = random(3, 4)
    write_object(f"{tmp_path}/one", "matrix", made["one"])
    (tmp_path / "utt2spk").write_text("s1-a s1\ns2-a s2\n")
    return made


def test_tables_are_composed_key_by_key(tables, tmp_path):
    def composed(*words: str) -> dict:
        assert compose_transforms.main.main(["--b-is-affine=true", *words, f"ark:{tmp_path}/out"]) == 0
        return dict(read_table(f"ark:{tmp_path}/out", "matrix"))

    spk, utt, one = (f"{form}{tmp_path}/{name}" for form, name in (("ark:", "spk"), ("ark:", "utt"), ("", "one")))
    wanted = {key: compose(matrix, tables["one"], True) for key, matrix in tables["spk"].items()}
    np.testing.assert_equal(composed(spk, one), wanted)
    wanted = {key: compose(tables["one"], matrix, True) for key, matrix in tables["spk"].items()}
    np.testing.assert_equal(composed(one, spk), wanted)
    wanted = {f"{key}-a": compose(tables["utt"][f"{key}-a"], tables["spk"][key], True) for key in ("s1", "s2")}
    np.testing.assert_equal(composed(f"--utt2spk=ark:{tmp_path}/utt2spk", utt, spk), wanted)
    np.testing.assert_equal(composed(spk, spk), {k: compose(m, m, True) for k, m in tables["spk"].items()})


def test_what_cannot_be_composed_is_said(tables, tmp_path, capsys):
    one, spk = f"{tmp_path}/one", f"ark:{tmp_path}/spk"
    for words in ([one, spk, f"{tmp_path}/out"], [one, one, f"ark:{tmp_path}/out"],
                  [f"--utt2spk=ark:{tmp_path}/utt2spk", one, spk, f"ark:{tmp_path}/out"]):  # fmt: skip
        assert compose_transforms.main.main(words) == 2
    write_object(f"{tmp_path}/big", "matrix", random(9, 9))
    assert compose_transforms.main.main([f"{tmp_path}/big", spk, f"ark:{tmp_path}/out"]) == 1
    assert "[s1] a transform with 9 columns after one with 3 rows" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_tables_are_extended(tables, tmp_path):
    words = ["--new-dimension=5", f"ark:{tmp_path}/spk", f"ark:{tmp_path}/out"]
    assert extend_transform_dim.main.main(words) == 0
    wanted = {key: extend(matrix, 5) for key, matrix in tables["spk"].items()}
    np.testing.assert_equal(dict(read_table(f"ark:{tmp_path}/out", "matrix")), wanted)
    assert extend_transform_dim.main.main(["--new-dimension=5", f"{tmp_path}/one", f"{tmp_path}/big"]) == 0
    np.testing.assert_array_equal(read_object(f"{tmp_path}/big", "matrix"), extend(tables["one"], 5))


def test_skipped_dimensions_are_left_as_they_are():
    feats = 5 + 3 * random(50, 4)
    stats = cmvn_stats(feats)
    found = apply_cmvn(feats, skip_dims(stats, [1, 3]), norm_vars=True)
    np.testing.assert_array_equal(found[:, [1, 3]], feats[:, [1, 3]])
    np.testing.assert_array_equal(found[:, [0, 2]], apply_cmvn(feats, stats, norm_vars=True)[:, [0, 2]])
    moments = mean_and_variance(stats)
    np.testing.assert_allclose(moments, [feats.mean(axis=0), feats.var(axis=0)], rtol=1e-4)


def test_statistics_are_changed_in_tables(tmp_path, capsys):
    stats = cmvn_stats(random(50, 4))
    with write_table(f"ark:{tmp_path}/cmvn", "matrix") as write:
        write("none", np.zeros((2, 5)))
        write("some", stats)
    words = [f"ark:{tmp_path}/cmvn", f"ark:{tmp_path}/out"]
    assert modify_cmvn_stats.main.main(["0:2", *words]) == 0
    np.testing.assert_array_equal(dict(read_table(words[1], "matrix"))["some"], skip_dims(stats, [0, 2]))
    assert modify_cmvn_stats.main.main(["--convert-to-mean-and-var=true", *words]) == 0
    np.testing.assert_equal(dict(read_table(words[1], "matrix")), {"some": mean_and_variance(stats)})
    assert modify_cmvn_stats.main.main(["4", *words]) == 1
    assert "[none] dimensions [4] of statistics of 4; expected 0 to 3" in capsys.readouterr().err
    assert modify_cmvn_stats.main.main(["a:b", *words]) == 2
