"""Work in forked processes."""

import os
import signal
import subprocess
import sys

import pytest

from houseblend.base.errors import HouseBlendError, InputError
from houseblend.base.workers import in_processes


@pytest.mark.parametrize("jobs", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 3, 300])
def test_results_stand_in_the_order_of_the_items(jobs, count):
    offset = os.getpid()
    assert list(in_processes(lambda item: item + offset, range(count), jobs)) == [i + offset for i in range(count)]


def test_several_jobs_are_other_processes():
    assert os.getpid() not in set(in_processes(lambda _: os.getpid(), range(8), 2))


@pytest.mark.parametrize("jobs", [1, 2])
def test_errors_come_through_with_their_words(jobs):
    def work(item):
        if item == 2:
            raise InputError("is wrong", key="utt2", do="mend it")
        return item

    with pytest.raises(InputError, match=r"\[utt2\] is wrong; mend it"):
        list(in_processes(work, range(5), jobs))


def test_a_killed_process_is_an_error_and_no_hang():
    def work(item):
        if item == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    with pytest.raises(HouseBlendError, match="killed"):
        list(in_processes(work, range(6), 2))


def test_a_signal_while_a_process_is_forked_ends_the_program():
    program = """if True:
        import os, signal, sys
        from houseblend.base.workers import in_processes
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
        os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGTERM))
        print(list(in_processes(abs, [1, 2], 2)))
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
