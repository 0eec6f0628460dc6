#!/bin/sh
# ctest.sh - the Python checks, as far as this machine can run them.
#
#   sh ctest.sh example <source directory> <shared library>   the linear regression; needs python3
#   sh ctest.sh tests <source directory> <shared library>     all tests; needs pytest too
#
# Exits with 77 (skipped) where what it needs is missing. PYTHON= names the interpreter.
set -eu
what=$1 root=$2 library=$3

python=''
for candidate in ${PYTHON:-python3 /usr/bin/python3}; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 9))' > /dev/null 2>&1; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "SKIPPED: no python3 (3.9 or newer) here"
    exit 77
fi
export TENSORGRAD_LIBRARY="$library" PYTHONDONTWRITEBYTECODE=1
case $what in
example) exec "$python" "$root/python/examples/linear_regression.py" ;;
tests)
    if ! "$python" -c 'import pytest' > /dev/null 2>&1; then
        echo "SKIPPED: $python has no pytest"
        exit 77
    fi
    cd "$root/python"
    exec "$python" -m pytest -q -p no:cacheprovider tests
    ;;
*)
    echo "usage: sh ctest.sh example|tests <source directory> <shared library>"
    exit 2
    ;;
esac
