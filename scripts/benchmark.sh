#!/bin/sh
# benchmark.sh - builds the release library and prints what it costs, beside PyTorch where there is one.
#
#   sh scripts/benchmark.sh [--rounds N] [--chain NODES] [--json FILE]
#
#   TORCH_PYTHON=...   a Python that has PyTorch; else the first that has among python3 and the virtual
#                      environments .venv and build/venv
#   PYTHON=...         the Python for the binding (default: the one with PyTorch, else python3)
#
# Nothing is installed: without PyTorch or Python those lines say that they were skipped. The long
# chain needs 12 GiB of free memory (--chain 0 leaves it out). Run it on a machine that does nothing
# else; the report says how much CPU other processes used.
set -eu
. "$(dirname -- "$0")/build.sh"

build benchmarks > /dev/null

has_torch() { command -v "$1" > /dev/null 2>&1 && "$1" -c 'import torch' > /dev/null 2>&1; }
torch=
for candidate in ${TORCH_PYTHON-python3 "$root/.venv/bin/python" "$root/build/venv/bin/python"}; do
    if has_torch "$candidate"; then
        torch=$candidate
        break
    fi
done
if [ -z "$torch" ] && [ -n "${TORCH_PYTHON-}" ]; then
    echo "benchmark: $TORCH_PYTHON has no PyTorch" >&2
fi
python=${PYTHON:-${torch:-python3}}
step=$root/benchmarks/foundation_python.py

set -- --load "$build/benchmarks/load" "$@"
if [ -n "$torch" ]; then
    set -- --peer "torch='$torch' '$step' torch" "$@"
fi
if command -v "$python" > /dev/null 2>&1; then
    library=$build/lib/libtensorgrad.so
    set -- --peer "python=TENSORGRAD_LIBRARY='$library' '$python' '$step' tensorgrad" "$@"
fi
exec "$build/benchmarks/foundation" "$@"
