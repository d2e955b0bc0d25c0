"""The whole path on a few dozen recordings, run twice; and what it refuses on the way."""

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
DATA = REPOSITORY / "tests" / "data"
MONO = ["--jobs=1", "--num-iters=12", "--max-iter-inc=8", "--totgauss=150"]
DNN = ["--num-epochs=20", "--initial-workers=2", "--final-workers=2", "--frames-per-round=12000", "--hidden-layers=2",
       "--add-layers-period=1", "--hidden-dim=64", "--minibatch-size=64", "--initial-effective-lrate=0.003",
       "--final-effective-lrate=0.0003", "--exchange=local"]  # fmt: skip
SETS = ("train", "dev")


def stages(sets: tuple[str, ...]) -> list[list[str]]:
    """The commands of the small recipe, in order."""
    commands = [
        [
            "local/digits/prepare_data",
            f"--corpus={DATA}",
            f"--manifest={DATA}/manifest.sha256",
            f"--strings={DATA}/strings.txt",
            "corpus",
        ],
        ["prepare_lang", "--oov=<SIL>", str(REPOSITORY / "local/digits/dict"), "lang"],
        ["format_lm", "lang", "corpus/lm.arpa", "lang_test"],
        *(["make_mfcc", f"--config={REPOSITORY}/conf/mfcc.conf", f"corpus/{name}", f"data/{name}"] for name in sets),
        ["train_mono", *MONO, "data/train", "lang", "exp/mono"],
        ["make_graph", "lang_test", "exp/mono", "exp/graph"],
        ["align", "--max-skipped=3", "data/train", "lang", "exp/mono", "exp/ali"],
        [
            "make_frames",
            "--max-skipped=3",
            "--heldout-share=0.2",
            "--combine-share=0.3",
            "data/train",
            "exp/ali",
            "exp/frames",
        ],
        ["train_dnn", *DNN, "exp/frames", "exp/dnn"],
    ]
    for model in ("mono", "dnn"):
        commands.append(["decode", f"data/{sets[1]}", "exp/graph", f"exp/{model}", f"exp/{model}_decode"])
        commands.append(["score", f"data/{sets[1]}", "exp/graph", f"exp/{model}_decode", f"exp/{model}_score"])
    return commands


@pytest.fixture(scope="module")
def sets() -> tuple[str, ...]:
    """The sets that the small list of strings has."""
    names = {
        line.split()[0] for line in (DATA / "strings.txt").read_text().splitlines() if line and not line.startswith("#")
    }
    return tuple(name for name in SETS if name in names)


@pytest.mark.slow
def test_from_recordings_to_word_error_rate_and_again(run_step, sets, tmp_path):
    for command in stages(sets):
        run_step(*command, cwd=tmp_path, check=True)
    mono, dnn = ((tmp_path / f"exp/{model}_score/best_wer").read_text() for model in ("mono", "dnn"))
    for line in (mono, dnn):
        assert float(line.split()[1]) < 50, line
    assert len((tmp_path / "exp/mono_score/wer").read_text().splitlines()) == 20 * 11
    for command in stages(sets):
        done = run_step(*command, cwd=tmp_path, check=True)
        assert "is up to date" in done.stderr, command

    done = run_step(
        "make_frames",
        "--max-skipped=3",
        "--heldout-share=0.3",
        "--combine-share=0.3",
        "data/train",
        "exp/ali",
        "exp/frames",
        cwd=tmp_path,
        check=True,
    )
    assert "option --heldout-share was 0.2, is 0.3" in done.stderr

    refuse_other_features(run_step, sets, tmp_path)
    refuse_another_tree(run_step, sets, tmp_path)
    refuse_bad_data(run_step, tmp_path)


def refused(done, *words: str) -> None:
    """An expected failure whose message has the words."""
    assert done.status == 1, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def refuse_other_features(run_step, sets, folder):
    """Decoding features made with other options."""
    name = sets[-1]
    run_step(
        "make_mfcc",
        f"--config={REPOSITORY}/conf/mfcc.conf",
        "--num-ceps=12",
        f"corpus/{name}",
        "data/other",
        cwd=folder,
        check=True,
    )
    done = run_step("decode", "data/other", "exp/graph", "exp/dnn", "exp/refused", cwd=folder)
    refused(done, "num_ceps 12 against 13", "data/other")
    assert not (folder / "exp/refused/lat.1.gz").exists()


def refuse_another_tree(run_step, sets, folder):
    """Decoding with the graph of another tree."""
    tree = folder / "exp/dnn/tree"
    original = tree.read_bytes()
    tree.write_bytes(original + b" ")
    refused(
        run_step("decode", f"data/{sets[-1]}", "exp/graph", "exp/dnn", "exp/refused2", cwd=folder),
        "another tree",
        "exp/graph",
    )
    tree.write_bytes(original)


def refuse_bad_data(run_step, folder):
    """Words outside the lexicon only, and transcripts that are not sorted."""
    data = folder / "data/train"
    text = (data / "text").read_text()
    (data / "text").write_text("".join(f"{line.split()[0]} wibble\n" for line in text.splitlines()))
    refused(run_step("train_mono", *MONO, "data/train", "lang", "exp/mono2", cwd=folder), "text", "lexicon")
    (data / "text").write_text("".join(reversed(text.splitlines(keepends=True))))
    refused(run_step("train_mono", *MONO, "data/train", "lang", "exp/mono3", cwd=folder), "text:2")
    (data / "text").write_text(text)
