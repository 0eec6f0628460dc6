"""The library against PyTorch, live: thousands of random calls, and the golden files in step."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tensorgrad as tg

GOLDEN = Path(__file__).resolve().parents[2] / "tests" / "golden"
SEED = 20  # another one finds other cases: TENSORGRAD_TEST_SEED=21
CASES = 60  # random calls per operation, besides its samples and corners
FAMILY = "activation"  # small, and quick to regenerate

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None or not GOLDEN.is_dir(),
    reason="needs torch and a checkout with tests/golden",
)


def script(name: str, *arguments: str) -> subprocess.CompletedProcess:
    """Runs a script of tests/golden on the library under test, in its own process."""
    return subprocess.run(
        [sys.executable, "-B", str(GOLDEN / name), "--library", tg.library_path, *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
        check=False,
    )


def test_every_operation_agrees_with_torch(capsys):
    seed = os.environ.get("TENSORGRAD_TEST_SEED", str(SEED))
    done = script("compare.py", "--seed", seed, "--cases", str(CASES))
    counted = re.search(r"(\d+) operations, (\d+) cases compared.*", done.stdout)
    assert done.returncode == 0, done.stdout
    assert counted, done.stdout
    assert int(counted[1]) > 300
    assert int(counted[2]) > 10000
    with capsys.disabled():
        print(f"\n{counted[0]}")


def words(text: str) -> list[list[str]]:
    """The lines of a golden file as words, without comments: they name PyTorch's version."""
    return [line.split() for line in text.splitlines() if not line.startswith("#")]


def alike(a: str, b: str) -> bool:
    """Equal words, or numbers that differ in the last digits: processors round differently."""
    if a == b:
        return True
    try:
        return float(a) == pytest.approx(float(b), rel=1e-9, abs=1e-12)
    except ValueError:
        return False


def test_golden_files_are_in_step_with_their_generator(tmp_path):
    done = script("generate.py", "--family", FAMILY, "--output", str(tmp_path))
    assert done.returncode == 0, done.stdout
    made = words((tmp_path / f"{FAMILY}.txt").read_text())
    kept = words((GOLDEN / f"{FAMILY}.txt").read_text())
    stale = f"{FAMILY}.txt is not what generate.py writes: run it again"
    assert [len(line) for line in made] == [len(line) for line in kept], stale
    for new, old in zip(made, kept):
        assert all(alike(a, b) for a, b in zip(new, old)), f"{stale}\n{new}\n{old}"


def test_exact_cases_are_in_step_with_their_generator(tmp_path):
    pytest.importorskip("mpmath")
    command = [sys.executable, "-B", str(GOLDEN / "exact.py"), "--output", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, timeout=900)
    made = (tmp_path / "exact.txt").read_text()
    assert made == (GOLDEN / "exact.txt").read_text(), "run tests/golden/exact.py again"
