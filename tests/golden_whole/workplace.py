"""A copy of the golden folder in which the rows' commands are run with our programs in the place of Kaldi's."""

import contextlib
import importlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from rows import Row

REPOSITORY = Path(__file__).resolve().parents[2]
COPIES = Path(__file__).with_name("copies.txt")
"""Files of the golden folder and their small copies in tests/golden."""
TEXT_FORMS = [
    (r"^gmm/.*\.mdl$", "gmm-copy --binary=false {0} {1}"),
    (r"^gmm/est/0\.acc$", "gmm-sum-accs --binary=false {1} {0}"),
    (r"^nnet3/.*\.mdl$", "nnet3-am-copy --binary=false {0} {1}"),
    (r"^nnet3/.*\.raw$", "nnet3-copy --binary=false {0} {1}"),
    (r"^nnet2/.*\.mdl$", "nnet-am-copy --binary=false {0} {1}"),
    (r"^nnet1/(.*\.(nnet|init|rbm|cmvn)|feature_transform)$", "nnet-copy --binary=false {0} {1}"),
]
"""Binary files by name, and what prints them."""

BY_THE_WAY = {"gmm/est/lda_full.mat", "gmm/est/mllt.acc", "nnet2/lda.acc"}
"""Files that rows make and that are not kept."""


class MissingError(Exception):
    """A program of Kaldi's that we do not have."""


class FailedError(Exception):
    """A command that ended with an error."""


class Workplace:
    """Runs commands in a copy of a golden folder, which is as Kaldi left it before each.

    Args:
        golden: the golden folder, never written to.
        place: an empty folder for the copy.
    """

    def __init__(self, golden: Path, place: Path) -> None:
        self.golden, self.place = golden, place
        shutil.copytree(golden, place, dirs_exist_ok=True)
        (place / "work").mkdir(exist_ok=True)

    def lacks(self, row: Row) -> list[str]:
        """The files of the row, and those its command reads, that are not in the golden folder."""
        made = set(row.files) | set(re.findall(r"> *([\w/.]+)", row.command)) | BY_THE_WAY
        read = (
            set(re.findall(r"\b(?:feats|cmvn|io|data|conf|gmm|lang|nnet1|nnet2|nnet3)/[\w/.]*\w", row.command)) - made
        )
        names = (name for name in (*row.files, *sorted(read)) if "*" not in name)
        return [name for name in names if not (self.golden / name).exists()]

    def run(self, row: Row, command: str | None = None) -> str:
        """Remove what the row's command makes, and run it, or another that makes the same files; returns the log.

        Raises:
            MissingError: we lack one of its programs.
            FailedError: it ended with an error, naming what it said.
        """
        for name in {*row.files, *(name.removesuffix(".gz") for name in row.files)}:
            (self.place / name).unlink(missing_ok=True)
        return self.shell(row.command if command is None else command)

    def shell(self, command: str) -> str:
        """Run a command line; returns what it wrote to the log. Plain calls of one program run in this process."""
        said = ""
        for part in command.split(" && ") if "||" not in command else [command]:
            words = _plain_words(part)
            module = words[0].replace("-", "_") if words else ""
            if words and (REPOSITORY / f"src/houseblend/cli/{module}.py").exists():
                said += self._here(module, words[1:])
            else:
                said += self._in_bash(part)
        return said

    def comparable(self, name: str) -> tuple[Path, Path]:
        """Our file and Kaldi's; gzipped ones may be plain on our side, binary models are turned into text on both."""
        ours, kaldis = self.place / name, self.golden / name
        if name.endswith(".gz") and not ours.exists():
            ours = ours.with_suffix("")
        program = next((program for pattern, program in TEXT_FORMS if re.search(pattern, name)), None)
        if program is None or not ours.exists() or ours.read_bytes() == kaldis.read_bytes():
            return ours, kaldis
        texts = self.place / "work/ours.txt", self.place / "work/kaldis.txt"
        for path, text in zip((ours, kaldis), texts, strict=True):
            self.shell(program.format(path, text))
        return texts

    def restore(self, row: Row) -> None:
        """Put Kaldi's files back."""
        for name in row.files:
            if (self.golden / name).exists():
                shutil.copyfile(self.golden / name, self.place / name)

    def _here(self, module: str, words: list[str]) -> str:
        log = io.StringIO()
        with contextlib.redirect_stderr(log), _surroundings(self.place):
            status = importlib.import_module(f"houseblend.cli.{module}").main.main(words)
        if status:
            _fail(log.getvalue())
        return log.getvalue()

    def _in_bash(self, command: str) -> str:
        with _surroundings(self.place):
            done = subprocess.run(
                ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False
            )
        if done.returncode or "command not found" in done.stderr:
            _fail(done.stderr)
        return done.stderr


def _plain_words(command: str) -> list[str]:
    """The words of a command that needs no shell; none for one that does."""
    if "$" in command or "*" in command:
        return []
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    words = list(lexer)
    return [] if any(set(word) <= set("();<>|&") for word in words) else words


@contextlib.contextmanager
def _surroundings(folder: Path) -> Iterator[None]:
    """Our programs and the system's on PATH, none of Kaldi's; the folder as working directory."""
    environment, directory = dict(os.environ), os.getcwd()
    os.environ["PATH"] = f"{REPOSITORY}/bin:{Path(sys.executable).parent}:/usr/bin:/bin"
    os.environ["PYTHONPATH"] = str(REPOSITORY / "src")
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(directory)
        os.environ.clear()
        os.environ.update(environment)


def _fail(log: str) -> None:
    missing = re.search(r"(\S+): (?:command not found|No such file or directory$)", log)
    if missing:
        raise MissingError(missing[1])
    lacking = re.search(r"No such option '?([\w-]+)|(?:of kind|of type) '?(\w+)'?,? (?:which )?is not supported", log)
    if lacking:
        raise MissingError(lacking[1] or lacking[2])
    raise FailedError(log.strip().splitlines()[-1] if log.strip() else "failed without a word")
