#!/bin/sh
# hygiene.sh - files stay under 600 lines, and some functions are not called anywhere.
#
#   sh hygiene.sh <source directory>
#
# The library's object files are checked by forbidden.sh too; this one looks at the text, so that it
# covers tests and examples, and the numbers that strtod and its like read by the user's locale.
set -eu
root=$1
cd "$root"
limit=600
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failures=0

find src include tests examples benchmarks -name '*.[ch]' -o -name '*.def' -o -name '*.inc' | sort > "$tmp/files"
[ -s "$tmp/files" ] || { echo "no source was found: is this the source directory?"; exit 1; }

xargs wc -l < "$tmp/files" | awk -v limit=$limit '
    $2 != "total" && $1 >= limit { print $2 ": " $1 " lines; files stay under " limit; bad = 1 }
    END { exit bad }' || failures=1

while read -r file; do
    awk -f tests/project/strip.awk "$file" | awk -v file="$file" '
    function calls(name) { return $0 ~ "(^|[^A-Za-z0-9_])" name "[ \t]*\\(" }
    function complain(name, why) { print file ":" FNR ": " name ": " why; bad = 1 }
    BEGIN {
        n = split("strcpy strcat sprintf vsprintf gets strtok atoi atol atof alloca", banned, " ")
        l = split("strtod strtof strtold setlocale localeconv uselocale", locale, " ")
        a = split("assert __builtin_trap __builtin_unreachable", dying, " ")
        library = file ~ /^(src|include)\//
    }
    /^[ \t]*#[ \t]*include/ {
        if (library && $0 ~ /<assert\.h>/) complain("assert.h", "the library never asserts")
        next
    }
    {
        for (i = 1; i <= n; i++) if (calls(banned[i])) complain(banned[i], "is banned")
        if (library && file !~ /^src\/base\//)
            for (i = 1; i <= l; i++)
                if (calls(locale[i]))
                    complain(locale[i], "follows the locale; use the helpers of base/number.h")
        if (library)
            for (i = 1; i <= a; i++)
                if (calls(dying[i])) complain(dying[i], "the library never ends the process")
        if (library && $0 ~ /omp[ \t]+(parallel|simd|for)/) complain("omp", "OpenMP is not used")
    }
    END { exit bad }' || failures=1
done < "$tmp/files"

[ "$failures" -eq 0 ] || exit 1
echo "$(wc -l < "$tmp/files") files are short enough and call nothing banned"
