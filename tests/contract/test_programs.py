"""All programs and steps alike: names, launchers, help, light start, exit statuses."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SHARED = {
    "__init__",
    "job_array",
    "program",
    "step",
    "context_options",
    "feature_options",
    "feature_table",
    "fmllr_table",
    "id_list",
    "latgen",
    "pitch_table",
    "posterior_table",
}
PROGRAMS = sorted(
    path.stem.replace("_", "-") for path in (REPOSITORY / "src/houseblend/cli").glob("*.py") if path.stem not in SHARED
)
STEPS = sorted(
    str(path.relative_to(REPOSITORY))
    for folder in ("steps", "local/digits", "local/minitalk", "local/swbd")
    for path in (REPOSITORY / folder).iterdir()
    if path.is_file() and os.access(path, os.X_OK)
)
COMMANDS = [f"bin/{name}" for name in PROGRAMS] + STEPS
LIGHT = {"houseblend", "click", "__main__", "__mp_main__", "_distutils_hack"}
"""What `--help` may import beside the standard library."""

WITHOUT_ARGUMENTS: dict[str, int] = {}
"""Exit status of a command given no arguments where it is not 2 (wrong usage)."""

LAUNCHER = (REPOSITORY / "bin/copy-feats").read_text()


@pytest.fixture
def run(starter) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Run a file of the repository."""
    return lambda command, *words: starter.run(REPOSITORY / command, *words, cwd="/")


def test_every_program_has_a_launcher_and_nothing_else_stands_in_bin():
    assert sorted(path.name for path in (REPOSITORY / "bin").iterdir()) == PROGRAMS
    for name in PROGRAMS:
        path = REPOSITORY / "bin" / name
        module = name.replace("-", "_")
        assert path.read_text() == LAUNCHER.replace("copy_feats", module)
        assert os.access(path, os.X_OK)


@pytest.mark.parametrize("name", ["copy-feats", "hb", "run", "nnet3-train"])
def test_a_program_without_its_environment_says_what_to_do(name):
    done = subprocess.run(
        [sys.executable, "-I", "-S", REPOSITORY / "bin" / name, "--help"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr == (
        f"ERROR ({REPOSITORY}/bin/{name}) Python has no houseblend; first `source path.sh` in the toolkit's folder\n"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_light_and_shows_an_example(command):
    code = f"""
import runpy, sys
of_the_system = set(sys.modules)
sys.argv = [{str(REPOSITORY / command)!r}, "--help"]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as leaving:
    status = leaving.code
loaded = {{name.partition(".")[0] for name in set(sys.modules) - of_the_system}}
print("HEAVY", sorted(loaded - set(sys.stdlib_module_names) - {LIGHT!r}))
sys.exit(status)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    name = Path(command).name
    assert f"Usage: {name}" in done.stdout
    assert all(option in done.stdout for option in ("--verbose", "--print-args"))
    example = done.stdout.partition("Example:")[2]
    assert name in example
    heavy = eval(done.stdout.rpartition("HEAVY ")[2])
    assert not [module for module in heavy if not module.startswith(("__editable__", "_virtualenv"))]


@pytest.mark.parametrize("command", COMMANDS)
def test_wrong_usage_is_2_with_a_hint_and_no_traceback(command, run):
    for words in (["--no-such-option=1"], []):
        done = run(command, *words)
        assert done.returncode == (2 if words else WITHOUT_ARGUMENTS.get(command, 2)), (words, done.stderr)
        assert b"Traceback" not in done.stderr
        assert b"--help" in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_missing_input_is_1_or_2_and_never_a_traceback(command, run, tmp_path):
    """As many missing files as the program takes arguments: an expected failure that names one of them."""
    usage = run(command, "--help").stdout.decode().partition("Usage:")[2].split("\n\n")[0].split()
    words = [
        f"{tmp_path}/none.{index}"
        for index, word in enumerate(usage)
        if word.rstrip(".").isupper() and word != "[OPTIONS]"
    ]
    if command == "local/digits/prepare_data":
        words.append(f"--corpus={tmp_path}/none")  # else it finds one, or downloads it
    done = run(command, *words)
    assert done.returncode in (1, 2), done.stderr
    assert b"Traceback" not in done.stderr
    assert not list(tmp_path.glob("*.mdl"))
