"""Runs programs as forks of a process that has imported what they import, as to start Python with torch takes 2 seconds.

A program has its own process, streams, environment and folder, and ends as Python ends. What a start does itself
(imports, options of Python, seeds of its hashes) is seen by tests that start `sys.executable`.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "src"
PACKAGES = ("kaldi_decoder", "kaldifst", "numba", "soundfile", "soxr", "torch")


class Starter:
    """A process that waits to be forked; `run` is to be called by one thread at a time."""

    def __init__(self) -> None:
        self._door, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, __file__, str(there.fileno())]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[there.fileno()],
            env={**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        there.close()

    def run(
        self, *words: object, cwd: Path | str = ".", stdin: bytes = b"", env: Mapping[str, str] = os.environ
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a file of Python code with arguments."""
        request = json.dumps([[*map(str, words)], str(Path(cwd).resolve()), {**env}]).encode()
        (theirs_in, ours_in), (ours_out, theirs_out), (ours_err, theirs_err) = (os.pipe() for _ in range(3))
        socket.send_fds(self._door, [request], theirs := [theirs_in, theirs_out, theirs_err])
        for descriptor in theirs:
            os.close(descriptor)
        with ThreadPoolExecutor(3) as pool:
            pool.submit(_write, ours_in, stdin)
            out, err = pool.map(_read, (ours_out, ours_err))
        return subprocess.CompletedProcess([*map(str, words)], int(self._door.recv(100)), out, err)

    def close(self) -> None:
        """End the process."""
        self._door.close()
        self._process.communicate()


def _read(descriptor: int) -> bytes:
    with open(descriptor, "rb") as file:
        return file.read()


def _write(descriptor: int, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), open(descriptor, "wb", buffering=0) as file:
        while data:
            data = data[file.write(data) :]


def _requests(door: socket.socket) -> Iterator[bytes]:
    """In a fork of this process, the request that it is for; forks are waited for, and their status told."""
    while True:
        request, streams, _, _ = socket.recv_fds(door, 1 << 20, 3)
        if not request:
            return
        child = os.fork()
        for number, descriptor in enumerate(streams):
            if not child:
                os.dup2(descriptor, number)
            os.close(descriptor)
        if not child:
            door.close()
            yield request
            return
        door.send(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())


def _modules() -> list[str]:
    """All modules of the toolkit but those that begin something when they are imported."""
    names = (".".join(path.relative_to(SOURCE).with_suffix("").parts) for path in (SOURCE / "houseblend").rglob("*.py"))
    return [name for name in names if "mpi" not in name and "__main__" not in name]


def _main(door: socket.socket) -> None:
    for name in (*PACKAGES, *_modules()):
        importlib.import_module(name)
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for request in _requests(door):
        sys.argv, folder, environment = json.loads(request)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.path[0] = str(Path(sys.argv[0]).parent)
        atexit._clear()  # a program's own are left, not those of the libraries
        status = _run(sys.argv[0])
        atexit._run_exitfuncs()
        sys.stdout.flush()
        os._exit(status)  # to take down all that was imported would cost more than most programs do


def _run(path: str) -> int:
    """Run a file as Python does; returns the exit status."""
    try:
        runpy.run_path(path, run_name="__main__")
    except SystemExit as leaving:
        if isinstance(leaving.code, str):
            print(leaving.code, file=sys.stderr)
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    _main(socket.socket(fileno=int(sys.argv[1])))
