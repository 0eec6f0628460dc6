#!/bin/sh
# readme.sh - the programs in README.md, docs/*.md and the tour of tensorgrad.h are compiled and run.
#
#   sh readme.sh <source directory> <C compiler> <shared library> [flags]
#
# A block marked ```c that has a main() is a program of its own and must end with 0; so is each block
# marked ```python (tried where there is a python3 that is new enough).
set -eu
root=$1 compiler=$2 library=$3 extra=${4:-}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
directory=$(dirname "$library")

for page in "$root"/README.md "$root"/docs/*.md; do
    awk -v base="$tmp/$(basename "$page" .md)" '
        /^```(c|python)$/ { language = substr($0, 4); out = base "-" (++n) (language == "c" ? ".c" : ".py"); next }
        /^```/ { language = "" }
        language != "" { print > out }' "$page"
done

# The tour at the head of the umbrella header is a program too.
awk '/A tour in forty lines:/ { inside = 1; next }
     inside && /^ \* base\.h / { exit }
     inside { sub(/^ \*( {5})?/, ""); print }' \
    "$root/include/tensorgrad/tensorgrad.h" > "$tmp/tour.c"
grep -q 'int main(' "$tmp/tour.c" || { echo "tensorgrad.h: the tour was not found"; exit 1; }

count=0
for source in "$tmp"/*.c; do
    [ -e "$source" ] || break
    grep -q 'int main(' "$source" || continue
    # shellcheck disable=SC2086
    "$compiler" -std=c11 -Wall -Wextra -Wpedantic -Werror $extra -I "$root/include" "$source" \
        -o "$tmp/program" -L "$directory" -ltensorgrad -lm "-Wl,-rpath,$directory" || {
        echo "$(basename "$source"): does not compile"
        exit 1
    }
    (cd "$tmp" && ./program) || { echo "$(basename "$source"): failed"; exit 1; }
    count=$((count + 1))
done
[ "$count" -gt 0 ] || { echo "no C program was found in README.md: this check is broken"; exit 1; }

for source in "$tmp"/*.py; do
    [ -e "$source" ] || break
    if [ -n "$extra" ] || ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2> /dev/null; then
        echo "not tried here: the Python programs"
        break
    fi
    TENSORGRAD_LIBRARY=$library PYTHONPATH=$root/python PYTHONDONTWRITEBYTECODE=1 python3 "$source" || {
        echo "$(basename "$source"): failed"
        exit 1
    }
    count=$((count + 1))
done
echo "$count programs of the documents work"
