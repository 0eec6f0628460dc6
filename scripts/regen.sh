#!/bin/sh
# regen.sh - renews the generated files that are committed.
#
#   sh scripts/regen.sh           write them
#   sh scripts/regen.sh --check   write nothing; fail if one is stale (a test does this)
#
# The binding's files need python3 (3.9 or newer), the rest nothing. To add a generator, add a line
# at the end, or before the search for python3 if it does without.
set -eu
mode=${1:-}
case $mode in '' | --check) ;; *) echo "usage: sh scripts/regen.sh [--check]"; exit 2 ;; esac
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"

# ${mode:+...}: without a mode there is no argument at all.
sh scripts/sites.sh ${mode:+"$mode"}

python=''
for candidate in ${PYTHON:-python3 /usr/bin/python3}; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 9))' > /dev/null 2>&1; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "SKIPPED: no python3 here (PYTHON= names another)"
    exit 77
fi
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE

"$python" python/tools/generate_capi.py ${mode:+"$mode"}
