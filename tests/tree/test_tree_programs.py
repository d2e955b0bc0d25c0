"""Programs of trees: Kaldi's statistics, questions and tree of the golden digits, and their errors."""

import gzip
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "gmm"))
from golden_gmm import GMM, HMM, LANG, sub_features

from houseblend.hmm.tree import ContextDependency
from houseblend.io.tables import write_table

TREE = Path(__file__).resolve().parents[1] / "golden" / "tree"


@pytest.fixture
def acc(tmp_path):
    """The golden statistics as a text file."""
    path = tmp_path / "tree_stats.txt"
    path.write_bytes(gzip.decompress((TREE / "tree_stats.txt.gz").read_bytes()))
    return path


@pytest.fixture
def treeacc(run, tmp_path):
    """Our statistics of the same digits."""
    with write_table(f"ark:{tmp_path}/feats.ark", "matrix") as write:
        for key, feats in sub_features():
            write(key, feats)
    words = (GMM / "mono/final.mdl", f"ark:{tmp_path}/feats.ark", f"ark:{GMM}/sub_ali.ark", tmp_path / "treeacc")
    assert run("acc-tree-stats", "--ci-phones=1", *words)[0] == 0
    return tmp_path / "treeacc"


def test_statistics_are_kaldis_to_the_last_digit(run, tmp_path, acc, treeacc):
    assert run("sum-tree-stats", "--binary=false", tmp_path / "text", treeacc)[0] == 0
    assert (tmp_path / "text").read_bytes() == acc.read_bytes()


def test_statistics_survive_in_both_forms_with_kaldis_bytes(run, tmp_path, acc):
    assert run("sum-tree-stats", tmp_path / "binary", acc)[0] == 0
    assert run("sum-tree-stats", "--binary=false", tmp_path / "text", tmp_path / "binary")[0] == 0
    assert (tmp_path / "text").read_bytes() == acc.read_bytes()


def test_questions_are_kaldis(run, tmp_path, treeacc):
    assert (
        run("cluster-phones", "--pdf-class-list=1", treeacc, LANG / "phones/sets.int", tmp_path / "questions")[0] == 0
    )
    assert (tmp_path / "questions").read_bytes() == (TREE / "questions.txt").read_bytes()
    words = ("--binary=false", LANG / "topo", tmp_path / "questions", tmp_path / "qst")
    assert run("compile-questions", *words)[0] == 0
    assert (tmp_path / "qst").read_bytes() == (TREE / "questions.qst").read_bytes()


@pytest.mark.parametrize("form", ["text", "binary"])
def test_the_tree_is_kaldis(run, tmp_path, treeacc, form):
    binary = f"--binary={'true' if form == 'binary' else 'false'}"
    assert run("compile-questions", binary, LANG / "topo", TREE / "questions.txt", tmp_path / "qst")[0] == 0
    words = (treeacc, LANG / "phones/roots.int", tmp_path / "qst", LANG / "topo", tmp_path / "tree")
    assert run("build-tree", binary, "--max-leaves=80", "--cluster-thresh=-1", *words)[0] == 0
    assert ContextDependency.load(tmp_path / "tree") == ContextDependency.load(TREE / "tree.txt")
    if form == "text":
        assert (tmp_path / "tree").read_bytes() == (TREE / "tree.txt").read_bytes()


def test_classes_of_phones_are_kaldis(run, tmp_path, acc):
    words = ("--mode=k-means", "--num-classes=7", acc, LANG / "phones/sets.int", tmp_path / "classes")
    assert run("cluster-phones", *words)[0] == 0
    assert (tmp_path / "classes").read_bytes() == (TREE / "classes.txt").read_bytes()


def test_refined_questions_of_roots_of_several_phones_give_kaldis_tree(run, tmp_path, acc):
    words = ("--num-iters-refine=5", LANG / "topo", TREE / "questions.txt", tmp_path / "qst")
    assert run("compile-questions", *words)[0] == 0
    options = ("--binary=false", "--max-leaves=45", "--thresh=50", "--cluster-thresh=120")
    words = (acc, TREE / "groups.int", tmp_path / "qst", LANG / "topo", tmp_path / "tree")
    assert run("build-tree", *options, *words)[0] == 0
    assert (tmp_path / "tree").read_bytes() == (TREE / "refined.txt").read_bytes()


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["--central-position=3"], 2, "a position inside of a window"),
        (["--mode=k-means"], 2, "--num-classes belongs to --mode=k-means"),
        (["--pdf-class-list=a"], 2, "numbers separated by colons"),
        (["--pdf-class-list=9"], 1, "no statistics of pdf-classes"),
        (["--mode=k-means", "--num-classes=21"], 1, "21 classes of 20 sets"),
    ],
)
def test_what_cannot_be_clustered_is_refused(run, tmp_path, acc, words, status, message):
    found, log = run("cluster-phones", *words, acc, LANG / "phones/sets.int", tmp_path / "out")
    assert (found, (tmp_path / "out").exists()) == (status, False)
    assert message in log


def test_roots_and_questions_of_other_phones_are_refused(run, tmp_path, acc):
    roots = (LANG / "phones/roots.int").read_text().splitlines(keepends=True)
    for text, message in (
        ("".join(roots[:-1]), "phones [20] have statistics, but no root"),
        ("".join([*roots, "shared split 21\n"]), "phones [21] have a root, but no topology"),
        ("".join([*roots, "shared split 20\n"]), "roots:21: cannot read"),
        ("shared sometimes 1\n", "roots:1: cannot read"),
        ("", "no roots"),
    ):
        (tmp_path / "roots").write_text(text)
        words = (acc, tmp_path / "roots", TREE / "questions.qst", LANG / "topo", tmp_path / "tree")
        status, log = run("build-tree", *words)
        assert (status, (tmp_path / "tree").exists(), message in log) == (1, False, True), log
    (tmp_path / "sets").write_text("".join(f"{phone}\n" for phone in range(1, 22)))
    status, log = run("compile-questions", LANG / "topo", tmp_path / "sets", tmp_path / "qst")
    assert (status, "phones [21], which the topology lacks" in log) == (1, True)


def test_features_that_do_not_fit_are_skipped_and_counted(run, tmp_path):
    with write_table(f"ark:{tmp_path}/feats.ark", "matrix") as write:
        write("a", np.zeros((3, 2), dtype=np.float32))
        write("b", np.zeros((3, 2), dtype=np.float32))
        write("c", np.zeros((3, 2), dtype=np.float32))
    (tmp_path / "ali").write_text("a 1 1\nc 1 1 1\n")
    words = (HMM / "mono/transitions.mdl", f"ark:{tmp_path}/feats.ark", f"ark:{tmp_path}/ali", tmp_path / "acc")
    status, log = run("acc-tree-stats", *words)
    assert (status, (tmp_path / "acc").exists()) == (1, False)
    assert "[a]" in log
    assert "3 frames, 2 in the alignment" in log
    assert "[b]" in log
    assert "[c]" in log
    assert "phone 1 of frames 0 to 2 is cut off" in log
    assert "no utterances were processed" in log
