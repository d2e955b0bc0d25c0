"""Fuzz all readers: python tests/fuzz/run_fuzz.py --cases 100000 --seed 1

Every file of every reader is cut off at every byte; the other cases are seeded. Prints a row for each reader (cases,
refused, accepted, failed, seconds) and, for what failed, the words that run it again: --reader NAME --case NUMBER
--seed SEED. A reader's cases depend on nothing but its name and the seed: what was interrupted goes on with --from NAME.
"""

import argparse
import os
import re
import resource
import signal
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from multiprocessing import get_context, shared_memory
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

import kaldi_decoder
import kaldifst
import soundfile
import torch
from cases import Reader, benches, quiet
from readers import READERS

from houseblend.base.log import Progress

NOISE = "native noise"
NATIVE = 1 << 29
"""Bytes of address space that a process may take besides what it has when it starts: for what native code allocates."""
LOADED = (kaldi_decoder, kaldifst, soundfile, torch)
"""Before the processes are forked: once."""


def numbers(num_truncations: int, share: int) -> Iterable[int]:
    """Case numbers: all beginnings, then seeded ones to fill the share."""
    yield from range(num_truncations)
    yield from range(-1, -1 - max(share - num_truncations, share // 4), -1)


def fuzz(
    readers: list[Reader], chosen: Callable[[int], Iterable[int]], seed: int, mark: Callable[[str, int], None]
) -> list:
    """Rows (reader, case number, result, words) of all cases."""
    rows = []
    with quiet() as noise, benches(readers) as each:
        for bench in each:
            for number in chosen(bench.num_truncations):
                mark(bench.reader.name, number)
                result, words = bench.run(number, seed)
                said = noise()
                if said:
                    result, words = "failed", f"{NOISE}: {said[:200]!r}; {words}"
                rows.append((bench.reader.name, number, result, words if result == "failed" else ""))
    return rows


def in_process(readers: list[Reader], chosen: Callable[[int], Iterable[int]], seed: int) -> list:
    """The same in a process of its own, whose death is a failure of the case that it was at."""
    block = shared_memory.SharedMemory(create=True, size=4096)

    def mark(name: str, number: int) -> None:
        data = name.encode()
        block.buf[: 12 + len(data)] = struct.pack("<qi", number, len(data)) + data

    def work() -> None:
        limit = NATIVE + int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        send.send(fuzz(readers, chosen, seed, mark))

    context = get_context("fork")
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=work)
    process.start()
    send.close()
    try:
        rows = receive.recv()
    except EOFError:
        number, size = struct.unpack("<qi", bytes(block.buf[:12]))
        process.join()
        words = f"the process died (status {process.exitcode})"
        rows = [(bytes(block.buf[12 : 12 + size]).decode(), number, "failed", words)]
    process.join()
    block.close()
    block.unlink()
    return rows


def main() -> int:
    """Run; the exit status is 1 if a case failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--reader", help="only readers whose name begins so")
    parser.add_argument("--from", dest="first", help="leave out the readers before the first whose name begins so")
    parser.add_argument("--case", type=int, help="only this case")
    options = parser.parse_args()
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    chosen = [reader for reader in READERS if reader.name.startswith(options.reader or "")]
    share = options.cases // len(READERS)
    if options.first:
        chosen = chosen[next(place for place, one in enumerate(chosen) if one.name.startswith(options.first)) :]

    def cases_of(num_truncations: int) -> Iterable[int]:
        return numbers(num_truncations, share) if options.case is None else [options.case]

    total, failures, start = Counter(), [], time.monotonic()
    with Progress(len(chosen), "readers") as progress:
        for reader in chosen:
            begin = time.monotonic()
            rows = in_process([reader], cases_of, options.seed)
            counts = Counter(result for _, _, result, _ in rows)
            told = (reader.name, len(rows), counts["refused"], counts["accepted"], counts["failed"])
            print("|", *(f"{one} |" for one in told), f"{time.monotonic() - begin:.0f} |", flush=True)
            failures += [row for row in rows if row[2] == "failed"]
            for row, count in _alike([row for row in rows if row[2] == "failed"]):
                name, number, _, words = row
                print(
                    f"FAILED --reader {name!r} --case {number} --seed {options.seed}: {words[:400]} ({count} alike)",
                    flush=True,
                )
            total += counts
            progress.add()
    told = ("all", sum(total.values()), total["refused"], total["accepted"], total["failed"])
    print("|", *(f"{one} |" for one in told), f"{time.monotonic() - start:.0f} |")
    return 1 if failures else 0


def _alike(failures: list) -> list:
    """One failure of every sort, and how many there are."""
    groups: dict[tuple[str, str], list] = {}
    for row in failures:
        groups.setdefault((row[0], re.sub(r"\d+|'.*?'", "", row[3].partition(": ")[2])), []).append(row)
    return [(rows[0], len(rows)) for rows in groups.values()]


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
