"""Command lines: options, configurations, exit statuses, skips."""

import shlex
import subprocess
import sys

import pytest

from houseblend.base.errors import InputError, UsageError
from houseblend.cli.program import Program, Skips, argument, option

SEEN: dict = {}


@argument("source", help="what to read")
@option("--num-ceps", type=int, default=13, help="number of cepstra")
@option("--use-energy", type=bool, default=True, help="energy as C0")
@option("--snip-edges", type=bool, default=True, help="whole windows only")
@option("--dither", type=float, default=0.0, help="noise added")
def _show(source: str, num_ceps: int, use_energy: bool, snip_edges: bool, dither: float) -> None:
    """Show what was given."""
    SEEN.update(source=source, num_ceps=num_ceps, use_energy=use_energy, snip_edges=snip_edges)


@pytest.fixture(scope="module")
def show() -> Program:
    return Program("show", _show, "show ark:-")


def test_options_stand_before_or_after_positionals(show):
    show.run(["--use-energy=false", "ark:-", "--num-ceps=20", "--snip-edges"])
    assert SEEN == {"source": "ark:-", "num_ceps": 20, "use_energy": False, "snip_edges": True}


def test_kaldis_standard_options_are_taken(show, tmp_path, capsys):
    conf = tmp_path / "mfcc.conf"
    conf.write_text("--verbose=2\n--print-args=false\n--num-ceps=20\n")
    for words in (["--verbose=0"], ["--verbose", "3"], ["--print-args=false"], [f"--config={conf}"]):
        SEEN.clear()
        assert show.main([*words, "a b"]) == 0
        assert SEEN["source"] == "a b"
        assert capsys.readouterr().err == ""
    for words in (["--print-args=true", "a b"], ["a b", "--print-args", "--verbose=1"]):
        assert show.main(words) == 0
        assert capsys.readouterr().err.endswith(f" show {shlex.join(words)}\n")
    for words in (["--verbose=many"], ["--print-args=perhaps"]):
        assert show.main([*words, "x"]) == 2


def test_a_bare_boolean_never_eats_the_next_word(show):
    show.run(["--use-energy", "false"])
    assert SEEN["source"] == "false"


def test_flags_beat_the_configuration(show, tmp_path):
    conf = tmp_path / "mfcc.conf"
    conf.write_text("--num-ceps=30  # many\n\n--use-energy=false\n")
    show.run(["--num-ceps=12", f"--config={conf}", "x"])
    assert (SEEN["num_ceps"], SEEN["use_energy"]) == (12, False)


def test_an_unknown_option_in_a_configuration_names_the_line_and_the_nearest(show, tmp_path):
    conf = tmp_path / "mfcc.conf"
    conf.write_text("--use-energy=false\n--num-cep=3\n")
    with pytest.raises(UsageError, match=r"mfcc.conf:2: unknown option --num-cep; did you mean --num-ceps"):
        show.run([f"--config={conf}", "x"])


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999", "much"])
def test_a_number_in_a_configuration_is_checked_as_one_of_the_command_line_is(value, show, tmp_path):
    (tmp_path / "mfcc.conf").write_text(f"--use-energy=false\n--dither={value}\n")
    with pytest.raises(UsageError, match=rf"mfcc.conf:2: \[--dither\] .*{value.replace('1e999', 'inf')}"):
        show.run([f"--config={tmp_path}/mfcc.conf", "x"])


@pytest.mark.parametrize(
    "words",
    [["--num-cepstra=3", "x"], [], ["x", "y"], ["--use-energy=maybe", "x"], ["x", "--config"], ["--dither=nan", "x"]],
)
def test_wrong_usage_is_status_2(show, words, capsys):
    assert show.main(words) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        (InputError("bad"), 1),
        (OSError(28, "No space left on device", "x"), 1),
        (ModuleNotFoundError("No module named 'kaldifst'", name="kaldifst"), 1),
        (KeyboardInterrupt(), 130),
        (KeyError("k"), 70),
    ],
)
def test_what_is_raised_becomes_a_status(raised, status, capsys):
    def fail() -> None:
        raise raised

    assert Program("fail", fail, "fail").main([]) == status
    message = capsys.readouterr().err
    assert ("Traceback" in message) == (status == 70)
    assert ("Python has no kaldifst; pip install kaldifst, or `source path.sh`" in message) == isinstance(
        raised, ImportError
    )


def test_help_is_status_0_and_shows_the_example(show, capsys):
    assert show.main(["--help"]) == 0
    assert "show ark:-" in capsys.readouterr().out


def test_a_skip_names_its_key_once(capsys):
    with Skips() as skips:
        skips.skip("u", InputError("too short", file="a.wav", key="u"))
        skips.skip("v", InputError("too long", file="a.wav", key="other"))
        skips.done()
    said = capsys.readouterr().err
    assert "skipped [u]: a.wav: too short\n" in said
    assert "skipped [v]: a.wav: [other] too long\n" in said


def test_skips_are_counted_and_limited():
    with Skips() as skips:
        skips.done("a")
        skips.skip("b", "too short")
    with pytest.raises(InputError, match="no utterances"), Skips() as skips:
        skips.skip("b", "too short")
    with pytest.raises(InputError, match="1 utterances were skipped"), Skips(0) as skips:
        skips.done("a")
        skips.skip("b", "too short")


LEAVING = """
import atexit, os, signal
from houseblend.cli.program import Program

def work():
    '''Work, and be told to end.'''
    {call}

def tell():
    os.kill(os.getpid(), signal.SIGTERM)

Program("work", work, "work")()
"""


def test_an_endless_configuration_is_refused(show):
    with pytest.raises(UsageError, match="no end at byte 1048576"):
        show.run(["--config=/dev/zero", "x"])


@pytest.mark.parametrize(("call", "status"), [("atexit.register(tell)", 0), ("tell()", 143)])
def test_sigterm_ends_the_work_but_not_the_interpreters_end(call, status):
    done = subprocess.run(
        [sys.executable, "-c", LEAVING.format(call=call)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")
