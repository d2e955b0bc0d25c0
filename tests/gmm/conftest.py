"""Eighty digits as a data directory."""

import shutil

import pytest
from golden_gmm import GMM, LANG

from houseblend.feat.description import write_feature_record
from houseblend.io.tables import read_table, write_table


@pytest.fixture
def digits(tmp_path):
    """A data directory with features and text, and a lang directory: (data, lang)."""
    lang, data = tmp_path / "lang", tmp_path / "data"
    shutil.copytree(LANG, lang)
    (lang / "oov.txt").write_text("<SIL>\n")
    data.mkdir()
    for source, kind, target in (("sub", "matrix", "feats"), ("sub_cmvn", "matrix", "cmvn")):
        with write_table(f"ark,scp:{data}/{target}.ark,{data}/{target}.scp", kind) as write:
            for key, values in read_table(f"ark:{GMM}/{source}.ark", kind):
                write(key, values)
    for name in ("utt2spk", "spk2utt"):
        shutil.copy(GMM / f"sub_{name}", data / name)
    names = {int(number): word for word, number in map(str.split, (lang / "words.txt").read_text().splitlines())}
    lines = [line.split() for line in (GMM / "sub_text.int").read_text().splitlines()]
    (data / "text").write_text("".join(f"{key} {names[int(word)]}\n" for key, word in lines))
    write_feature_record(data, "mfcc", {"sample_frequency": 8000})
    return data, lang
