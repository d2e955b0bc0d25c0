"""tests/run.sh: kernels are tried one after the other, and a test marked `alone` is."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
ENVIRONMENT = {**os.environ, "VIRTUAL_ENV": sys.prefix, "PYTHONPATH": str(TESTS.parent / "src")}


KERNELS = ("ATEN_CPU_CAPABILITY", "MKL_ENABLE_INSTRUCTIONS", "ONEDNN_MAX_CPU_ISA")
"""What may be set when this test is one of those that `--kernels` runs."""


def test_all_kernels_are_tried_and_those_that_fail_are_named(tmp_path):
    (tmp_path / "python").write_text(
        f'#!/bin/bash\nenv | grep -E "ATEN|MKL|ONEDNN" >>{tmp_path}/kernels\necho "$*" >>{tmp_path}/words\n'
        '[ "${ATEN_CPU_CAPABILITY:-}" != default ] && [ -z "${ONEDNN_MAX_CPU_ISA:-}" ]\n'
    )
    (tmp_path / "python").chmod(0o755)
    path = f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [TESTS / "run.sh", "--kernels", "tests/feat", "-k", "mfcc"],
        env={name: value for name, value in {**ENVIRONMENT, "PATH": path}.items() if name not in KERNELS},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    wanted = ["ATEN_CPU_CAPABILITY=avx2", "ATEN_CPU_CAPABILITY=default", "MKL_ENABLE_INSTRUCTIONS=AVX2"]
    assert (tmp_path / "kernels").read_text().splitlines() == [*wanted, "ONEDNN_MAX_CPU_ISA=AVX2"]
    words = (tmp_path / "words").read_text().splitlines()
    assert len(words) == 4
    assert all(line.endswith(" tests/feat -k mfcc") for line in words)
    assert done.returncode == 1
    assert done.stderr.endswith("failed with ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=AVX2\n")


def test_what_is_marked_alone_runs_while_nothing_else_does(tmp_path):
    for name in ("conftest.py", "starter.py"):
        shutil.copy(TESTS / name, tmp_path)
    (tmp_path / "run.sh").touch()
    (tmp_path / "test_many.py").write_text(
        "import json, os, time, pathlib, pytest\n"
        "@pytest.mark.parametrize('number', [pytest.param(n, marks=[pytest.mark.alone] * (n % 5 == 2)) for n in range(20)])\n"
        "def test_one(number):\n"
        "    begin = time.monotonic()\n"
        "    time.sleep(0.05)\n"
        "    pathlib.Path(f'{number}.json').write_text(json.dumps([begin, time.monotonic()]))\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-n", "3", "-W", "ignore", str(tmp_path)]
    done = subprocess.run(command, env=ENVIRONMENT, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    spans = [json.loads((tmp_path / f"{number}.json").read_text()) for number in range(20)]
    for alone in range(2, 20, 5):
        for other in {*range(20)} - {alone}:
            assert spans[other][1] <= spans[alone][0] or spans[alone][1] <= spans[other][0], (alone, other)
