#!/bin/sh
# layers.sh - includes point down: base < kernels < core < autograd < ops < functional <
# {nn, optim} < io < data < train.
#
#   sh layers.sh <source directory>
#
# nn, optim, data and train stand on the public headers as a user would, and on the helpers of base
# (errors, files, numbers); calls of what a user supplies go through core/callback.h. Only src/kernels/blas.c knows cblas.h. base sees no tensor: of the public
# headers it may use <tensorgrad/base.h> only.
set -eu
root=$1
cd "$root"

find src include -name '*.[ch]' -o -name '*.def' -o -name '*.inc' | sort | xargs grep -n '^[ 	]*#[ 	]*include' /dev/null |
awk '
BEGIN {
    n = split("base kernels core autograd ops functional nn io data train", order, " ")
    for (i = 1; i <= n; i++) rank[order[i]] = i
    rank["optim"] = rank["nn"]
    user["nn"] = user["optim"] = user["data"] = user["train"] = 1
    # It calls methods that users wrote, each behind a scope or a barrier.
    allowed["src/optim/optimizer.c core/callback.h"] = 1
    split("stdbool stddef stdint stdio initializer_list", plain, " ")
    for (i in plain) standard[plain[i] ".h"] = standard[plain[i]] = 1
}
function wrong(why) { print where ": " what ": " why; failures++ }
{
    split($0, field, ":")
    where = field[1] ":" field[2]; file = field[1]
    what = $0; sub(/^[^:]*:[^:]*:[ \t]*/, "", what)
    checked++
    if (!match(what, /["<][^">]*[">]/)) { wrong("cannot read this include"); next }
    name = substr(what, RSTART + 1, RLENGTH - 2)
    quoted = substr(what, RSTART, 1) == "\""
    split(file, path, "/")

    if (path[1] == "include") {
        if (quoted || (name !~ /^tensorgrad\// && !(name in standard)))
            wrong("public headers include <tensorgrad/...>, stdbool, stddef, stdint and stdio only")
        next
    }
    part = path[2]
    if (!(part in rank)) { wrong("src/" part " is no part of the library"); next }
    if (name == "cblas.h" && file != "src/kernels/blas.c") {
        wrong("only src/kernels/blas.c may use cblas.h"); next
    }
    if (!quoted) {
        if (part == "base" && name ~ /^tensorgrad\// && name != "tensorgrad/base.h")
            wrong("base knows no tensor: <tensorgrad/base.h> only")
        next
    }
    if (name == "op_list.h") {
        if (rank[part] < rank["autograd"]) wrong("the list of ops is above " part)
        next
    }
    split(name, target, "/")
    if (name !~ /\// || !(target[1] in rank)) {
        wrong("write internal headers as \"part/file.h\", public ones as <tensorgrad/file.h>"); next
    }
    if (target[1] == part) next
    if (rank[target[1]] >= rank[part]) { wrong(part " is below " target[1]); next }
    if (user[part] && target[1] != "base" && name != "core/callback.h")
        wrong(part " uses the public headers, as a user would")
}
END {
    if (checked == 0) { print "no include was found: is this the source directory?"; exit 1 }
    if (failures) { print failures " includes point the wrong way"; exit 1 }
    print checked " includes point down"
}'
