#!/bin/sh
# collect_ops.sh - cmake/collect_ops.cmake collects what it should and refuses what it cannot read.
#
#   sh collect_ops.sh <source directory> <cmake>
set -eu
script=$1/cmake/collect_ops.cmake cmake=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/ops"

run() { "$cmake" "-DSOURCE_DIR=$tmp/ops" "-DOUTPUT_DIR=$tmp/out" -P "$script" > "$tmp/log" 2>&1; }
fail() { echo "$1"; cat "$tmp/log"; exit 1; }
refuses() { # refuses <text in the message> <what is wrong>
    if run; then fail "accepted: $2"; fi
    tr -s ' \n' ' ' < "$tmp/log" | grep -q "$1" || fail "the message does not say '$1' for: $2"
}

cat > "$tmp/ops/b.c" << 'END'
/* TG_OP(in_a_comment, indented by " * " in real files) */
    TG_OP(indented, is not at the margin);
TG_OP(second, .maths = "x[0; n)", .text = "a \\ \"quoted\" ; semicolon [");
TG_SAMPLES(second, "f32[2,3]; keepdim=1", "]] [[ \\n;",
           "last");
TG_OP(third, .n = 1);
END
printf 'TG_OP(first,\n    .n = 2);\nTG_SAMPLES(first, "s");' > "$tmp/ops/a.c"
run || fail "refused well-formed blocks"
printf 'TG_OP_X(first)\nTG_OP_X(second)\nTG_OP_X(third)\n' > "$tmp/list"
tail -n +2 "$tmp/out/op_list.h" | cmp - "$tmp/list" || fail "op_list.h is wrong"
{
    echo 'TG_SAMPLES(first, "s");'
    sed -n '/^TG_SAMPLES/,/);$/p' "$tmp/ops/b.c"
} > "$tmp/samples"
tail -n +2 "$tmp/out/op_samples.h" | cmp - "$tmp/samples" || fail "op_samples.h is wrong"

touch -t 200001010000 "$tmp/out/op_list.h" "$tmp/out/op_samples.h"
run || fail "refused them the second time"
[ -z "$(find "$tmp/out" -newermt 2001-01-01 -type f)" ] || fail "rewrote headers that had not changed"
printf 'TG_OP(fourth, .n = 1);\n' > "$tmp/ops/c.c"
run || fail "refused a new file"
grep -q 'fourth' "$tmp/out/op_list.h" || fail "a new op did not reach op_list.h"

printf 'TG_OP(first, .n = 1);\n' > "$tmp/ops/c.c"
refuses "'first' is declared twice" "the same name twice"
printf 'TG_OP(\n    fourth, .n = 1);\n' > "$tmp/ops/c.c"
refuses 'name on the same line' "the name on the next line"
printf 'TG_SAMPLES(nobody, "s");\n' > "$tmp/ops/c.c"
refuses 'without TG_OP(nobody' "samples without an op"
printf 'TG_OP(fourth, .n = 1);\nTG_SAMPLES(fourth, "s"\n' > "$tmp/ops/c.c"
refuses 'at the end of a line' "samples that do not end"
printf 'TG_OP(fourth, .n = 1);\nTG_SAMPLES(fourth, "s");\nTG_SAMPLES(fourth, "t");\n' > "$tmp/ops/c.c"
refuses 'stands twice' "samples twice"
echo "collects ops and samples, and refuses what it cannot read"
