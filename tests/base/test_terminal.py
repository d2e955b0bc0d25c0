"""What a person sees on a terminal: the bytes of a pseudo-terminal, drawn as a terminal draws them."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

WORK = """
import os, sys, time
from houseblend.base import log
from houseblend.base.workers import in_processes
log._BAR_SECONDS = 0.0

def work(item):
    if item % 5 == 0:
        log.warn(f"skipped [utterance-{item:02}]: by a process " + "x" * (item * 4))
    return item

for turn in range(3):
    with log.Progress(20, "utterances of a set whose name is long") as progress:
        for item in in_processes(work, range(20), 2):
            progress.add()
            if item % 7 == 0:
                log.warn(f"skipped [utterance-{item:02}]: too short")
    log.log(f"turn {turn} done")
"""


def on_a_terminal(code: str, columns: int, **environment: str) -> bytes:
    """All that a Python program writes to a terminal of this width."""
    reader, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 1000, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm", **environment},
    )
    os.close(terminal)
    parts = []
    try:
        while part := os.read(reader, 1 << 16):
            parts.append(part)
    except OSError:  # the last process has closed the terminal
        pass
    os.close(reader)
    assert process.wait() == 0
    return b"".join(parts)


def screens(data: bytes, columns: int) -> list[list[str]]:
    """The lines of a terminal, after each piece of what was written to it."""
    lines, column, shown = [""], 0, []
    for piece in re.split(r"(\r|\n|\x1b\[K)", data.decode()):
        if piece == "\r":
            column = 0
        elif piece == "\n":
            lines.append("")
        elif piece == "\x1b[K":
            lines[-1] = lines[-1][:column]
        for character in piece if piece not in ("\r", "\n", "\x1b[K") else "":
            if column == columns:
                lines, column = [*lines, ""], 0
            lines[-1] = lines[-1][:column].ljust(column) + character + lines[-1][column + 1 :]
            column += 1
        shown.append(list(lines))
    return shown


@pytest.mark.parametrize("columns", [100, 60, 33])
def test_a_bar_and_a_warning_never_share_a_line_and_finished_bars_are_gone(columns):
    shown = screens(on_a_terminal(WORK, columns), columns)
    assert any("[###" in screen[-1] for screen in shown)
    for screen in shown:
        bars = [line for line in screen if "[#" in line or "[.." in line]
        assert len(bars) <= 1
        assert not any("skipped" in line or "turn" in line for line in bars)
        assert bars in ([], [screen[-1]])
    text = "".join(line.ljust(columns) if len(line) == columns else f"{line}\n" for line in shown[-1])
    program = r"\(-c\)"
    wanted = [rf"WARNING {program} skipped \[utterance-{n:02}\]: too short\n" for n in (0, 7, 14) for _ in range(3)]
    wanted += [rf"WARNING {program} skipped \[utterance-{n:02}\]: by a process {'x' * 4 * n}\n" for n in (5, 10, 15)]
    wanted += [rf"LOG {program} turn {turn} done\n" for turn in range(3)]
    for line in wanted:
        assert re.search(line, text), f"{line}\n{text}"
    assert len(re.findall("WARNING", text)) == 3 * 7


def test_a_bar_of_a_failed_work_goes_too():
    code = "from houseblend.base import log\nlog._BAR_SECONDS = 0.0\ntry:\n    with log.Progress(2, 'blocks') as bar:\n"
    code += "        bar.add()\n        1 / 0\nexcept ZeroDivisionError:\n    log.error('by zero')"
    data = on_a_terminal(code, 100)
    assert b"[###############...............] 1/2 blocks, 0 s left" in data
    assert screens(data, 100)[-1] == ["ERROR (-c) by zero", ""]


def test_a_dumb_terminal_gets_plain_lines():
    data = on_a_terminal(WORK, 100, TERM="dumb")
    assert b"\x1b" not in data
    assert b"[#" not in data
    assert data.count(b"turn") == 3


def test_two_workers_that_say_the_same_say_who():
    code = "from houseblend.base.log import log, speaking_as, warn\nfrom houseblend.base.workers import in_processes\n"
    code += "def work(number):\n    with speaking_as(f'worker {number}'):\n        log('the same line')\n"
    code += "list(in_processes(work, [1, 2], 2))\nwarn('all')"
    lines = screens(on_a_terminal(code, 100), 100)[-1]
    assert sorted(lines) == [
        "", "LOG (-c, worker 1) the same line", "LOG (-c, worker 2) the same line", "WARNING (-c) all"
    ]  # fmt: skip
