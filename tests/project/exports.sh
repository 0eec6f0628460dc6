#!/bin/sh
# exports.sh - the names that the shared library exports are exactly the functions that the public
# headers declare.
#
#   sh exports.sh <source directory> <shared library> <nm>
set -eu
root=$1 library=$2 nm=$3
here=$root/tests/project
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

for header in "$root"/include/tensorgrad/*.h; do
    awk -f "$here/strip.awk" "$header" > "$tmp/stripped"
    awk -f "$here/declared.awk" "$tmp/stripped" | sed "s|^!$tmp/stripped|!$header|"
done > "$tmp/found"
grep '^!' "$tmp/found" > "$tmp/complaints" || true
grep -v '^!' "$tmp/found" | sort > "$tmp/declared"
uniq -d "$tmp/declared" | sed 's/$/ is declared twice in the public headers/' >> "$tmp/complaints"
sort -u -o "$tmp/declared" "$tmp/declared"

# The version node itself is listed by nm as an absolute symbol (type A).
"$nm" -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' |
    sort -u > "$tmp/exported"

comm -23 "$tmp/declared" "$tmp/exported" |
    sed 's/$/: declared in a public header, but the library does not export it/' >> "$tmp/complaints"
comm -13 "$tmp/declared" "$tmp/exported" |
    sed 's/$/: exported by the library, but no public header declares it/' >> "$tmp/complaints"

if [ ! -s "$tmp/declared" ]; then
    echo "no declaration was found in $root/include/tensorgrad: this check is broken"
    exit 1
fi
if [ -s "$tmp/complaints" ]; then
    sed 's/^!//' "$tmp/complaints"
    exit 1
fi
echo "$(wc -l < "$tmp/declared") functions declared and exported"
