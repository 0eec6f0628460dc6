#!/bin/sh
# coverage.sh - runs the tests in the coverage build and prints, file by file, how many lines of the
# library they executed.
#
#   sh scripts/coverage.sh
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
find build/coverage -name '*.gcda' -delete 2> /dev/null || true
cmake --workflow --preset coverage
cd build/coverage
find src -name '*.gcda' -exec gcov -n {} + 2> /dev/null | awk -v src="$root/src/" '
    /^File / { file = substr($0, 7, length($0) - 7) }
    /^Lines executed:/ && index(file, src) == 1 {
        split($0, part, /[:% ]+/)
        name = substr(file, length(src) + 1)
        if (!(name in lines) || part[3] > best[name]) best[name] = part[3]
        lines[name] = part[5]
        file = ""
    }
    END {
        for (name in lines) {
            printf "%6.1f %%  %5d lines  %s\n", best[name], lines[name], name
            total += lines[name]
            executed += lines[name] * best[name] / 100
        }
        if (total == 0) { print "no coverage data was found"; exit 1 }
        printf "%6.1f %%  %5d lines  zz\n", 100 * executed / total, total
    }' | sort -k4 | sed 's/zz$/in all/'
