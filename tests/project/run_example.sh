#!/bin/sh
# run_example.sh - runs an example and compares what it prints with the end of its source.
#
#   sh run_example.sh <source directory> <example.c> <program> <scratch directory>
#
# The source ends in a comment that holds the expected output:
#
#   /* expected output of: example examples/data/file.csv
#   first line
#   a number that may vary: ...
#   ...
#   last line
#   */
#
# "..." within a line stands for any text, on a line of its own for any number of lines. The words
# after "of: example" are the arguments, relative to the source directory; they may be left out. An
# example without the comment only has to succeed. TENSORGRAD_RUN may hold a command to run it under.
set -eu
root=$1 source=$2 program=$3 scratch=$4

case $program in /*) ;; *) program=$PWD/$program ;; esac
rm -rf "$scratch"
mkdir -p "$scratch"
awk '/^\/\* expected output/ { inside = 1; next } /^\*\/$/ { inside = 0 } inside' "$source" \
    > "$scratch/expected"
arguments=$(sed -n 's|^/\* expected output of: [^ ]* *||p' "$source")

cd "$scratch"
set --
for word in $arguments; do
    if [ -e "$root/$word" ]; then word=$root/$word; fi
    set -- "$@" "$word"
done
status=0
# shellcheck disable=SC2086
${TENSORGRAD_RUN:-} "$program" "$@" > output || status=$?
cat output
if [ "$status" -ne 0 ]; then
    echo "$(basename "$program") ended with exit code $status"
    exit 1
fi
[ -s expected ] || exit 0

awk '
function matches(line, pattern,   pieces, n, i, at) {
    n = split(pattern, pieces, /\.\.\./)
    if (n == 1) return line == pattern
    if (substr(line, 1, length(pieces[1])) != pieces[1]) return 0
    line = substr(line, length(pieces[1]) + 1)
    for (i = 2; i <= n; i++) {
        if (pieces[i] == "") { if (i == n) return 1; continue }
        if (i == n) {
            at = length(line) - length(pieces[i])
            return at >= 0 && substr(line, at + 1) == pieces[i]
        }
        if ((at = index(line, pieces[i])) == 0) return 0
        line = substr(line, at + length(pieces[i]))
    }
    return line == ""
}
NR == FNR { expected[++m] = $0; next }
{ output[++n] = $0 }
END {
    for (e = 1; e <= m; e++) {
        if (expected[e] == "...") {
            if (e == m) exit 0
            while (o < n && !matches(output[o + 1], expected[e + 1])) o++
            continue
        }
        o++
        if (o > n) { print "expected another line: " expected[e]; exit 1 }
        if (!matches(output[o], expected[e])) {
            print "line " o " is:    " output[o]
            print "expected: " expected[e]
            exit 1
        }
    }
    if (o < n) { print "a line more than expected: " output[o + 1]; exit 1 }
}' expected output
