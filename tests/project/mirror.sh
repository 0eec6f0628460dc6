#!/bin/sh
# mirror.sh - every src/<part>/<file>.c has its tests/<part>/test_<file>.c.
#
#   sh mirror.sh <source directory>
#
# Exceptions stand in untested.txt beside this script, one a line: the source and the reason. An
# exception that is no longer needed is an error too.
set -eu
root=$1
cd "$root"
exceptions=tests/project/untested.txt
failures=0
checked=0

complain() {
    echo "$1"
    failures=$((failures + 1))
}

for source in src/*/*.c; do
    [ -e "$source" ] || { echo "no source was found: is this the source directory?"; exit 1; }
    checked=$((checked + 1))
    part=$(basename "$(dirname "$source")")
    test=tests/$part/test_$(basename "$source")
    if [ -e "$test" ]; then
        continue
    fi
    if ! grep -q "^$source [^ ]" "$exceptions"; then
        complain "$source: $test is missing (or a line with the reason in $exceptions)"
    fi
done

while read -r source reason; do
    case $source in ''|'#'*) continue ;; esac
    test=tests/$(basename "$(dirname "$source")")/test_$(basename "$source")
    [ -e "$source" ] || complain "$exceptions: $source does not exist"
    [ ! -e "$test" ] || complain "$exceptions: $source has its test now, $test"
    [ -n "$reason" ] || complain "$exceptions: $source: give the reason"
done < "$exceptions"

[ "$failures" -eq 0 ] || { echo "$failures sources without tests or stale exceptions"; exit 1; }
echo "$checked sources have their tests"
