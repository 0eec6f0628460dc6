"""Reading CSV files, and the linear regression on one."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tensorgrad as tg

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "python" / "examples" / "linear_regression.py"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "täble.csv"
    path.write_text("a,b,c\n1,2.5,3\n4,,6\n")
    return path


def test_read_csv(table):
    x = tg.read_csv(table, tg.float64, missing_as_nan=True)
    assert x.shape == (2, 3)
    assert x[0].tolist() == [1.0, 2.5, 3.0]
    assert math.isnan(x[1, 1].item())
    assert tg.read_csv(str(table), columns=["c", "a"]).tolist() == [[3.0, 1.0], [6.0, 4.0]]
    assert tg.read_csv(table, max_rows=1).dtype is tg.float32
    table.write_text("1;2\n3;4\n")
    assert tg.read_csv(table, separator=";", header=False).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert tg.read_csv(table, separator=";", header=False, columns=("1",)).tolist() == [
        [2.0],
        [4.0],
    ]


def test_read_csv_errors(table):
    with pytest.raises(tg.FormatError, match=r"ble\.csv', line 3, column 2") as caught:
        tg.read_csv(table)
    assert isinstance(caught.value, ValueError)
    with pytest.raises(OSError, match="nowhere") as caught:
        tg.read_csv("/nowhere/x.csv")
    assert isinstance(caught.value, tg.IOError_)
    with pytest.raises(tg.ArgumentError, match="'?z'?"):
        tg.read_csv(table, columns=["z"])
    for bad in ("", ";;", "é", 3):
        with pytest.raises(ValueError, match="one ASCII character"):
            tg.read_csv(table, separator=bad)
    with pytest.raises(TypeError, match="a list of names"):
        tg.read_csv(table, columns="a")
    with pytest.raises(TypeError, match="must be a string"):
        tg.read_csv(table, columns=[1])
    with pytest.raises(ValueError, match="columns is empty"):
        tg.read_csv(table, columns=[])
    with pytest.raises(tg.DTypeError):
        tg.read_csv(table, tg.int64)


def example(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(EXAMPLE), *arguments]
    environment = {**os.environ, "TENSORGRAD_LIBRARY": tg.library_path}
    environment.pop("PYTHONPATH", None)  # the example finds the package itself
    return subprocess.run(
        command, env=environment, cwd="/", capture_output=True, text=True, timeout=120, check=False
    )


def test_linear_regression_agrees_with_the_certified_fit():
    done = example()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("at least 10 digits agree\n")
    rows = re.findall(r"^(B0|B1|R2|residual sd) +(\S+) +(\S+) +(\S+)$", done.stdout, re.M)
    assert len(rows) == 4
    for name, certified, fitted, digits in rows:
        assert float(fitted) == pytest.approx(float(certified), rel=1e-10), name
        assert float(digits) >= 10


def test_linear_regression_fails_on_other_data(tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("x,y\n1,2\n2,3\n4,7\n")
    done = example(str(other))
    assert done.returncode == 1
    assert "digits agree, expected 10" in done.stdout
    done = example(str(tmp_path / "missing.csv"))
    assert done.returncode == 1
    assert "missing.csv" in done.stderr
