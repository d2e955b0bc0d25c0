"""Programs started with standard streams closed, as cron and job servers do."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(__file__).resolve().parents[2] / "bin"
ARCHIVE = "a  [\n  1 2 \n  3 4 ]\nb  [\n  5 6 ]\n"
NONE = "<&- >&- 2>&-"


def in_bash(folder: Path, command: str, redirections: str) -> subprocess.CompletedProcess[str]:
    """Run a program by name; standard error is caught before the redirections close it."""
    name, _, words = command.partition(" ")
    program = f"{shlex.quote(sys.executable)} {shlex.quote(str(BIN / name))} {words} {redirections}"
    return subprocess.run(["bash", "-c", program], cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)


@pytest.fixture
def folder(tmp_path):
    """A folder with an archive."""
    (tmp_path / "in.ark").write_text(ARCHIVE)
    return tmp_path


@pytest.mark.parametrize("closed", [">&-", "<&-", "2>&-", NONE])
@pytest.mark.parametrize("target", ["ark,t:out", "'ark,t:| cat >out'"])
def test_a_closed_stream_that_is_not_needed_is_not_missed(closed, target, folder):
    done = in_bash(folder, f"copy-feats ark:in.ark {target}", closed)
    assert done.returncode == 0, done.stderr
    assert (folder / "out").read_text() == ARCHIVE
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["in.ark", "out"]


@pytest.mark.parametrize(
    ("command", "closed", "stream"),
    [
        ("copy-feats ark:- ark,t:out", "<&-", "input"),
        ("copy-feats ark:in.ark ark,t:-", ">&-", "output"),
        ("feat-to-dim ark:in.ark -", ">&-", "output"),
        ("feat-to-dim --help", ">&-", "output"),
        ("compute-wer ark:text ark:text", ">&-", "output"),
        ("sph2pipe in.sph", ">&-", "output"),
        ("hb status exp", ">&-", "output"),
    ],
)
def test_a_closed_stream_that_is_needed_is_a_failure_in_a_sentence(command, closed, stream, folder):
    (folder / "text").write_text("u1 one two\n")
    (folder / "exp").mkdir()
    (folder / "exp/.done.json").write_text("{}")
    header = b"NIST_1A\n   1024\nsample_count -i 2\nsample_n_bytes -i 2\nchannel_count -i 1\nsample_rate -i 8000\n"
    header += b"sample_byte_format -s2 01\nsample_coding -s3 pcm\nend_head\n"
    (folder / "in.sph").write_bytes(header.ljust(1024) + b"\0\0\1\0")
    done = in_bash(folder, command, closed)
    assert done.returncode == 1, done.stderr
    assert f"standard {stream} is closed, and the program needs it" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "out").exists()


def test_what_a_command_says_does_not_end_in_a_file_that_is_open(folder):
    done = in_bash(folder, "copy-feats 'ark:cat in.ark; echo said >&2 |' ark,t:out", "2>&-")
    assert done.returncode == 0
    assert (folder / "out").read_text() == ARCHIVE


def test_wrong_usage_stays_wrong_usage(folder):
    assert in_bash(folder, "copy-feats --no-such-option", NONE).returncode == 2


def test_jobs_and_forked_workers_run_without_any_stream(folder):
    assert in_bash(folder, "run JOB=1:2 JOB.log echo job JOB", NONE).returncode == 0
    assert "job 2\n" in (folder / "2.log").read_text()
    code = "from houseblend.base.standard_streams import replace_closed_streams as replace\nreplace()\n"
    code += "from houseblend.base.workers import in_processes\nfrom houseblend.base.log import log\n"
    code += "print(*in_processes(lambda item: log('x') or item * 2, range(4), 2), file=open('out', 'w'))"
    done = subprocess.run(["bash", "-c", f"{sys.executable} -c {shlex.quote(code)} {NONE}"], cwd=folder)
    assert done.returncode == 0
    assert (folder / "out").read_text() == "0 2 4 6\n"
