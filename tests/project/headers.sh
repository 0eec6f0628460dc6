#!/bin/sh
# headers.sh - every public header compiles on its own, warnings being errors.
#
#   sh headers.sh <source directory> c <C compiler>
#   sh headers.sh <source directory> c++            (looks for a C++ compiler; none: skipped, 77)
set -eu
root=$1 language=$2
strict="-Wall -Wextra -Wpedantic -Wundef -Werror -fsyntax-only"
case $language in
c)
    compiler=$3
    flags="-x c -std=c11 -Wstrict-prototypes $strict"
    ;;
c++)
    compiler=
    for candidate in ${CXX:-} c++ g++ clang++; do
        if command -v "$candidate" > /dev/null 2>&1; then compiler=$candidate; break; fi
    done
    if [ -z "$compiler" ]; then
        echo "SKIPPED: no C++ compiler here, so the headers were not tried as C++17"
        exit 77
    fi
    flags="-x c++ -std=c++17 $strict"
    ;;
*)
    echo "headers.sh: the language is c or c++"
    exit 2
    ;;
esac
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failures=0
checked=0
for header in "$root"/include/tensorgrad/*.h; do
    name=tensorgrad/$(basename "$header")
    # Twice: the include guard is part of the promise.
    printf '#include <%s>\n#include <%s>\nint tensorgrad_header_used;\n' "$name" "$name" > "$tmp/use"
    # shellcheck disable=SC2086
    if ! $compiler $flags -I "$root/include" "$tmp/use"; then
        echo "<$name> does not compile alone with: $compiler $flags"
        failures=$((failures + 1))
    fi
    checked=$((checked + 1))
done
[ "$failures" -eq 0 ] || exit 1
echo "$checked headers compile alone with $compiler"
