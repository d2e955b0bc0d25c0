"""Readers of lang, data and experiment directories, and of the toolkit's own formats."""

import json
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from cases import Reader, after_lines, anywhere
from model_readers import FLAT, TRANSITIONS
from table_readers import GRAPH

from houseblend.decode.score import read_counts, read_pairs, read_summary
from houseblend.decode.word_alignment import AlignmentLexicon
from houseblend.feat.description import read_model_features, write_feature_record
from houseblend.frames.store import FrameStore, validate_store, write_store
from houseblend.gmm.align import read_transcripts
from houseblend.hmm.hclg import require_same_tree
from houseblend.io import data_dir, data_files, directories, lang_files
from houseblend.io.lang_files import read_symbol_table
from houseblend.io.objects import open_output
from houseblend.io.spool import Spool, write_spool
from houseblend.io.tables import write_table
from houseblend.jobs.launchers.site import Site, read_site
from houseblend.jobs.spec import Job, JobResult, JobSpec
from houseblend.lang.arpa import arpa_graph
from houseblend.lang.fst import write_graph
from houseblend.lang.lang_dir import prepare_lang
from houseblend.lang.lexicon import Dictionary
from houseblend.lang.options import LexiconOptions
from houseblend.lang.phone_files import read_phone_map, read_phone_sets, read_roots
from houseblend.lang.pron_counts import read_pron_counts, read_silence_counts
from houseblend.parallel.asynchronous.round import read_order
from houseblend.parallel.ledger import Ledger
from houseblend.parallel.strategies.bmuf import Bmuf
from houseblend.parallel.task import RoundTask
from houseblend.report.curves import read_rounds
from houseblend.train.update.rule import UpdateRule

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "parallel"))
from some_records import some_plan, some_round

WORDS = {"<eps>": 0, "a": 1, "b": 2, "#0": 3, "<s>": 4, "</s>": 5}
ARPA = """a model of two words

\\data\\
ngram 1=4
ngram 2=3

\\1-grams:
-99\t<s>\t-0.25
-0.5\ta\t-0.125
-0.75\tb
-1\t</s>

\\2-grams:
-0.5\t<s> a
-0.25\ta b
-0.5\tb </s>

\\end\\
"""
FILES = {
    "utt2spk": "a-1 a\na-2 a\nb-1 b\n", "spk2utt": "a a-1 a-2\nb b-1\n", "text": "a-1 one two\na-2 two\nb-1 one\n",
    "wav.scp": "r1 /data/r1.wav\nr2 sox r2.sph -t wav - |\n", "segments": "a-1 r1 0.0 1.5\na-2 r1 1.5 2.25\nb-1 r2 0.5 1\n",
    "spk2gender": "a m\nb f\n", "utt2dur": "a-1 1.5\na-2 0.75\nb-1 0.5\n",
    "utt2num_frames": "a-1 148 \na-2 73 \nb-1 48 \n", "reco2dur": "r1 3.5\nr2 2\n",
}  # fmt: skip
DICTIONARY = {
    "lexicon.txt": "<unk> spn\na aa\na ax\nb bb ax\n", "silence_phones.txt": "sil\nspn\n",
    "nonsilence_phones.txt": "aa\nax\nbb\n", "optional_silence.txt": "sil\n",
}  # fmt: skip
SILENT = {name: text for name, text in DICTIONARY.items() if name != "lexicon.txt"} | {
    "lexiconp_silprob.txt": "<unk> 1 0.46 1.00 1.00 spn\na 0.5 0.03 1.33 0.83 aa\na 1 0.9 1.20 0.92 ax\nb 1 0.5 1 1 bb ax\n",
    "silprob.txt": "<s> 0.82\n</s>_s 0.9375\n</s>_n 1.0336\noverall 0.46\n",
}  # fmt: skip
LANG_FILES = ("phones.txt", "words.txt", "topo", "oov.int", "phones/silence.int", "phones/sets.txt", "phones/roots.int")


def text_files(files: dict[str, str]) -> Callable[[Path], None]:
    """A maker of text files."""

    def make(folder: Path) -> None:
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)

    return make


def _make_lang(folder: Path) -> None:
    text_files({f"dict/{name}": text for name, text in DICTIONARY.items()})(folder)
    prepare_lang(folder / "dict", folder, LexiconOptions("<unk>"))
    shutil.rmtree(folder / "dict")


def _validate_data(folder: Path) -> Any:
    data_dir.validate_data_dir(folder)
    data = data_dir.DataDir(folder)
    return data.chosen(data.files["utt2spk"])


def _make_fixable(folder: Path) -> None:
    text_files({name: text for name, text in FILES.items() if name != "spk2utt"})(folder)


def _fix(folder: Path) -> Any:
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    try:
        fixed = data_dir.fix_data_dir(folder)
        data_dir.validate_data_dir(folder)
        return fixed
    finally:
        shutil.rmtree(folder / data_dir.BACKUP, ignore_errors=True)
        for path in folder.iterdir():
            path.unlink()
        for name, data in before.items():
            (folder / name).write_bytes(data)


def _make_transcripts(folder: Path) -> None:
    text_files({"text": "u1 a b\nu2 b x\n", "words.txt": "<eps> 0\na 1\nb 2\n<unk> 3\n", "oov.int": "3\n"})(folder)


def _make_store(folder: Path) -> None:
    chance = np.random.default_rng(3)
    entries = [
        (f"u{n}", "train", n == 1, chance.normal(size=(5, 2)).astype(np.float32), np.array([0, 1, 1, 2, 0]))
        for n in range(3)
    ]
    write_store(folder, 2, 3, entries, {"seed": 1})


def _read_store(folder: Path) -> Any:
    validate_store(folder)
    return [FrameStore(folder).subset(name).gather(np.arange(3), 1, 1) for name in ("train", "combine")]


def _make_spool(folder: Path) -> None:
    with write_spool(folder / "spool") as write:
        for item in (b"one", b"", b"another"):
            write(item)


def _make_model_dir(folder: Path) -> None:
    with open_output(folder / "tree") as target:
        FLAT.write(target)
    with open_output(folder / "final.mdl") as target:
        TRANSITIONS.write(target)
    (folder / "phones.txt").write_text("<eps> 0\na 1\nb 2\nc 3\n")
    write_feature_record(folder, "mfcc", {"num_ceps": 13})
    (folder / "cmvn_opts").write_text("--norm-means=true --norm-vars=false\n")
    (folder / "delta_opts").write_text("--delta-order=2 --delta-window=2\n")
    _make_ledger(folder)


def _make_ledger(folder: Path) -> None:
    ledger = Ledger(folder / "ledger.jsonl")
    for number in range(2):
        ledger.append(some_round(number))


def _make_task(folder: Path) -> None:
    RoundTask(
        "f", "1.raw", "frames", some_plan(1), UpdateRule(), Bmuf(3), state="s.npz", own_states={1: "s.1.npz"}
    ).write(folder / "task.json")


def _read_ledger(folder: Path) -> Any:
    ledger = Ledger(folder / "ledger.jsonl")
    return ledger.rounds(), ledger.refused(0)


def _read_curves(folder: Path) -> Any:
    rounds = read_rounds(folder)
    return [(line.plan.intervals[-1][1], line.measured.heldout_objective) for line in rounds]


def _make_ali(folder: Path) -> None:
    _make_model_dir(folder)
    with write_table(f"ark:| gzip -nc > {folder}/ali.1.gz", "int-vector") as write:
        write("a", np.array([1, 2, 3], dtype=np.int32))
        write("b", np.array([2, 2], dtype=np.int32))
    (folder / "num_jobs").write_text("1\n")


def _read_ali(folder: Path) -> Any:
    from houseblend.frames.make import read_alignments

    directories.validate_ali(folder)
    return read_alignments(folder)


def _make_graph(folder: Path) -> None:
    write_graph(folder / "HCLG.fst", GRAPH)
    text_files(
        {"words.txt": "<eps> 0\na 1\n", "phones.txt": "<eps> 0\nx 1\n", "num_pdfs": "5\n", "model/tree": "tree"}
    )(folder)
    from houseblend.base.fingerprint import hash_file

    (folder / "graph.json").write_text(json.dumps({"tree": hash_file(folder / "model/tree"), "num_pdfs": 5}))


def _read_graph_dir(folder: Path) -> None:
    directories.validate_graph(folder)
    require_same_tree(folder, folder / "model")


def _make_score(folder: Path) -> None:
    counts = {"words": 5, "insertions": 1, "deletions": 0, "substitutions": 2}
    value = {"lm_weight": 10, "insertion_penalty": 0.5, "utterances": {"a": counts, "b": counts}}
    value |= {"wer": 30.0, "low": 25, "high": 50.5, **counts}
    (folder / "score.json").write_text(json.dumps(value, indent=1))


def _make_jobs(folder: Path) -> None:
    JobSpec("train", [Job(["true", "ATTEMPT"], "log", ["out"])]).write(folder / "spec.json")
    JobResult(1, 0, "ok", "", 0, {"out": [1, "x"]}, 0.5, "log").write(folder / "result.1.json")


def _read_spec(folder: Path) -> Any:
    spec = JobSpec.read(folder / "spec.json")
    return [job.attempt(1) for job in spec.jobs], spec.cores + spec.memory_mb


def _make_step(folder: Path) -> None:
    (folder / "in").mkdir()
    (folder / "out").mkdir()
    (folder / "in" / "a").write_text("1\n")
    _run_step(folder)


def _run_step(folder: Path) -> Any:
    """A step is up to date, or made again; a broken record is never an error."""
    import click

    from houseblend.cli.step import Step

    def function(source: str, out: str, number: int) -> None:
        (Path(out) / "b").write_text((Path(source) / "a").read_text() * number)

    for parameter in (click.option("--number", type=int, default=2), click.argument("out"), click.argument("source")):
        function = parameter(function)
    work = Step("work", function, "work in out", 1, ("source",), "out", None, False)
    work.run([f"{folder}/in", f"{folder}/out"])
    return (folder / "out" / "b").read_text()


def _judge_step(folder: Path, found: str) -> str | None:
    return None if found == "1\n1\n" else f"the output is {found!r}"


def _read_config(folder: Path) -> Any:
    from houseblend.cli.compute_mfcc_feats import main

    words = main._config_words([f"--config={folder}/mfcc.conf"])
    return main.command.make_context("compute-mfcc-feats", [*main._spell_booleans(words), "a", "b"])


plain = partial(Reader, piped=False)
"""A reader of files in directories of the toolkit, in whose place nobody puts a pipe."""

READERS = [
    plain("symbols", text_files({"words.txt": "<eps> 0\na 1\nb 2\n#0 3\n"}), lambda f: read_symbol_table(f / "words.txt"),
           ("words.txt",), whole=after_lines),
    plain("symbol table", text_files({"phones.txt": "<eps> 0\naa 1\nbb 2\n"}),
           lambda f: lang_files.read_symbol_table(f / "phones.txt"), ("phones.txt",), whole=after_lines),
    plain("lang directory", _make_lang, lang_files.validate_lang, LANG_FILES, whole=after_lines),
    plain("dictionary", text_files(DICTIONARY), Dictionary.read, tuple(DICTIONARY), whole=anywhere),
    plain("dictionary with silence", text_files(SILENT), Dictionary.read, ("lexiconp_silprob.txt", "silprob.txt"), whole=anywhere),
    Reader("counts of pronunciations", text_files({"prons": "12 <eps> sil\n7 a aa\n3 b bb ax\n"}),
           lambda f: read_pron_counts(f / "prons"), ("prons",), whole=anywhere),
    Reader("counts of silence", text_files({"sides": "0 0 7 3 <s>\n4 5 6 2 a aa\n", "pairs": "7\t<s>\ta aa\n2\ta aa\t</s>\n"}),
           lambda f: read_silence_counts(f / "sides", f / "pairs"), ("sides", "pairs"), whole=anywhere),
    Reader("ARPA", text_files({"lm.arpa": ARPA}), lambda f: arpa_graph(f / "lm.arpa", WORDS), ("lm.arpa",)),
    Reader("phone sets", text_files({"sets.int": "1 2\n3\n4 5 6\n"}), lambda f: read_phone_sets(f / "sets.int"), ("sets.int",),
           whole=after_lines),
    Reader("phone map", text_files({"map": "1 2\n2 2\n3 1\n"}), lambda f: read_phone_map(f / "map"), ("map",), whole=after_lines),
    Reader("roots", text_files({"roots.int": "not-shared not-split 1\nshared split 2 3\n"}),
           lambda f: read_roots(f / "roots.int"), ("roots.int",), whole=after_lines),
    plain("data directory", text_files(FILES), _validate_data, tuple(FILES)),
    plain("data directory, mended", _make_fixable, _fix, tuple(name for name in FILES if name != "spk2utt"), whole=anywhere),
    plain("list of ids", text_files({"utts": "a-1\nb-1 x\n"}), lambda f: data_files.read_ids(f / "utts"), ("utts",),
           whole=anywhere),
    Reader("words with phones", text_files({"align_lexicon.int": "1 1 3\n0 0 3\n2 5 4 6\n"}),
           lambda f: AlignmentLexicon.read(f / "align_lexicon.int").entries, ("align_lexicon.int",), whole=after_lines),
    Reader("transcripts", _make_transcripts, lambda f: read_transcripts(f, f), ("text", "words.txt", "oov.int"), whole=after_lines),
    plain("frame store", _make_store, _read_store, ("index.json", "utterances", "feats.0.f32", "pdfs.0.i32")),
    plain("spool", _make_spool, lambda f: list(Spool(f / "spool")), ("spool",)),
    plain("task of a round", _make_task, lambda folder: RoundTask.read(folder / "task.json"), ("task.json",), whole=anywhere),
    plain("order of pushes", text_files({"order.txt": "1\n2\n1\n2\n"}), lambda f: read_order(f / "order.txt", [2, 2]),
           ("order.txt",), whole=anywhere),
    plain("ledger", _make_ledger, _read_ledger, ("ledger.jsonl",), whole=anywhere),
    plain("ledger's curves", _make_ledger, _read_curves, ("ledger.jsonl",), whole=anywhere),
    plain("model directory", _make_model_dir, directories.validate_exp, ("phones.txt", "feature.json"), whole=after_lines),
    plain("model directory's ledger", _make_model_dir, directories.validate_exp, ("ledger.jsonl",), whole=anywhere),
    plain("features of a model", _make_model_dir, lambda f: read_model_features(f, "gmm"), ("feature.json",)),
    plain("Kaldi's options of a model", _make_model_dir, lambda f: read_model_features(f, "gmm"),
           ("cmvn_opts", "delta_opts"), whole=anywhere),
    plain("alignment directory", _make_ali, _read_ali, ("num_jobs", "ali.1.gz")),
    plain("graph directory", _make_graph, _read_graph_dir, ("num_pdfs", "graph.json", "words.txt", "phones.txt"),
           whole=after_lines),
    plain("score.json", _make_score, read_counts, ("score.json",)),
    plain("rates of score.json", _make_score, read_summary, ("score.json",)),
    plain("alignments of a score", text_files({"per_utt": "a ref  x ***\na hyp  x  y \na op   C  I \na #csid 1 0 1 0\nb ref z\nb hyp z\nb op  C\n"}),
          read_pairs, ("per_utt",), whole=anywhere),
    plain("job specification", _make_jobs, _read_spec, ("spec.json",)),
    plain("job result", _make_jobs, lambda f: JobResult.read(f / "result.1.json"), ("result.1.json",), whole=anywhere),
    plain("step's records", _make_step, _run_step, ("out/.done.json", "out/.begun.json"), whole=anywhere, judge=_judge_step),
    plain("--config", text_files({"mfcc.conf": "# MFCC\n--sample-frequency=8000\n--use-energy=false\n--num-ceps=13\n"}),
           _read_config, ("mfcc.conf",), whole=anywhere),
    plain("site of a batch system", text_files({"slurm.conf": "--partition=main\n--mem=400 # MB\n--flags=-q 'a b'\n"}),
          lambda f: read_site(f / "slurm.conf", Site()), ("slurm.conf",), whole=anywhere),
]  # fmt: skip
