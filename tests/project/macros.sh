#!/bin/sh
# macros.sh - every public macro is used in tests/api/macros_use.c, which compiles without a warning
# and runs.
#
#   sh macros.sh <source directory> c|c++ <C compiler> <shared library> [flags]
#
# Once as it is and once with TENSORGRAD_SITES, whose macros stand before all calls that make tensors.
# As C++ with any C++ compiler that is there; without one: skipped (77).
set -eu
root=$1 language=$2 compiler=$3 library=$4 extra=${5:-}
use=$root/tests/api/macros_use.c

missing=0
for macro in $(sed -n 's/^[ 	]*#[ 	]*define[ 	][ 	]*\(TG_[A-Z0-9_]*\).*/\1/p' \
    "$root"/include/tensorgrad/*.h | sort -u); do
    # In the text of the program, not in its comments.
    if ! awk -f "$root/tests/project/strip.awk" "$use" | grep -q -w "$macro"; then
        echo "$macro: no use of it in tests/api/macros_use.c"
        missing=1
    fi
done
[ "$missing" -eq 0 ] || exit 1

if [ "$language" = c++ ]; then
    compiler=''
    for candidate in ${CXX:-} c++ g++ clang++; do
        if command -v "$candidate" > /dev/null 2>&1; then compiler=$candidate; break; fi
    done
    if [ -z "$compiler" ]; then
        echo "SKIPPED: no C++ compiler here, so the macros were not tried as C++17"
        exit 77
    fi
    flags='-x c++ -std=c++17'
else
    flags='-x c -std=c11 -Wstrict-prototypes'
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
directory=$(dirname "$library")
for sites in '' -DTENSORGRAD_SITES; do
    # shellcheck disable=SC2086
    "$compiler" -Wall -Wextra -Wpedantic -Wundef -Werror $extra $sites -I "$root/include" $flags \
        "$use" -o "$tmp/use" -L "$directory" -ltensorgrad "-Wl,-rpath,$directory"
    "$tmp/use"
done
