#!/bin/sh
# ops.sh - counts the operations and writes their table, docs/ops.md.
#
#   sh scripts/ops.sh             write it and print the counts
#
# The page follows from the library, its samples and the golden cases; a test says when it is stale.
set -eu
sh "$(dirname -- "$0")/bootstrap.sh"
. "$(dirname -- "$0")/build.sh"

build op_report
"$build/tests/op_report" > "$build/ops.md"
cp "$build/ops.md" "$root/docs/ops.md"
sed -n '/^## Counts/,/^## By file/p' "$root/docs/ops.md" | sed '$d'
