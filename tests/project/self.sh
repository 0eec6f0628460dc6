#!/bin/sh
# self.sh - the checks in this folder can fail: each is given a small project with one fault.
#
#   sh self.sh <source directory> <C compiler> <nm>
set -eu
root=$1 compiler=$2 nm=$3
checks=$root/tests/project
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cases=0

# A sound project of three files; every case below breaks a copy of it.
sound=$tmp/sound
mkdir -p "$sound/src/base" "$sound/src/core" "$sound/include/tensorgrad" "$sound/tests/base" \
    "$sound/tests/core" "$sound/examples" "$sound/benchmarks"
cp -R "$checks" "$sound/tests/project"
echo "# none" > "$sound/tests/project/untested.txt"
cat > "$sound/include/tensorgrad/base.h" << 'END'
#ifndef BASE_H
#define BASE_H
#include <stdint.h>
#define TG_API __attribute__((visibility("default")))
typedef struct { int (*method)(void *ctx); } tg_table;
#define TG_TWICE(x)                                                                                \
    tg_twice(x)
static inline int tg_inline(int x) { return x; }
/* a comment with tg_commented(int x); in it */
TG_API int tg_twice(int x);
TG_API void tg_each(int (*fn)(void *ctx),
                    void *ctx);
#endif
END
echo '#include <tensorgrad/base.h>' > "$sound/src/base/alloc.h"
printf '#include "base/alloc.h"\nint tg_twice(int x) { return 2 * x; } /* abort() strtok("x") */\n' \
    > "$sound/src/base/alloc.c"
printf '#include "base/alloc.h"\nvoid tg_each(int (*fn)(void *), void *c) { fn(c); }\n' \
    > "$sound/src/core/each.c"
: > "$sound/tests/base/test_alloc.c"
: > "$sound/tests/core/test_each.c"

build() {
    for part in base core; do
        mkdir -p "$1/build/$part"
        for source in "$1/src/$part"/*.c; do
            "$compiler" -std=c11 -w -O1 -fPIC -fvisibility=hidden -I "$1/src" -I "$1/include" \
                -c "$source" -o "$1/build/$part/$(basename "$source").o"
        done
    done
    "$compiler" -shared -nostdlib -o "$1/build/lib.so" "$1"/build/*/*.o
    ls "$1"/build/*/*.o > "$1/build/objects.txt"
}
check() { # check <name> <directory>
    case $1 in
    exports) build "$2" && sh "$checks/exports.sh" "$2" "$2/build/lib.so" "$nm" ;;
    forbidden) build "$2" && sh "$checks/forbidden.sh" "$2/build/objects.txt" "$nm" ;;
    headers) sh "$checks/headers.sh" "$2" c "$compiler" ;;
    *) sh "$checks/$1.sh" "$2" ;;
    esac > "$tmp/log" 2>&1
}
for name in layers mirror hygiene exports forbidden headers; do
    check $name "$sound" || { echo "$name.sh fails on a sound project:"; cat "$tmp/log"; exit 1; }
done

# breaks <check> <text in its message> <command run in a copy of the sound project>
breaks() {
    rm -rf "$tmp/case"
    cp -R "$sound" "$tmp/case"
    (cd "$tmp/case" && eval "$3")
    if check "$1" "$tmp/case"; then echo "$1.sh accepts: $3"; exit 1; fi
    grep -q -e "$2" "$tmp/log" || { echo "$1.sh does not say '$2' for: $3"; cat "$tmp/log"; exit 1; }
    cases=$((cases + 1))
}
breaks layers 'base is below core' 'echo "#include \"core/each.h\"" >> src/base/alloc.c'
breaks layers 'base knows no tensor' 'echo "#include <tensorgrad/tensor.h>" >> src/base/alloc.c'
breaks layers 'only src/kernels/blas.c' 'echo "#include <cblas.h>" >> src/core/each.c'
breaks layers 'write internal headers as' 'echo "#include \"each.h\"" >> src/core/each.c'
breaks layers 'as a user would' 'mkdir src/nn; echo "#include \"core/each.h\"" > src/nn/linear.c'
breaks layers 'nn is below optim' 'mkdir src/nn; echo "#include \"optim/sgd.h\"" > src/nn/linear.c'
breaks layers 'public headers include' 'echo "#include <string.h>" >> include/tensorgrad/base.h'
breaks layers 'no part of the library' 'mkdir src/utils; echo "#include <stdio.h>" > src/utils/x.c'
breaks mirror 'test_each.c is missing' 'rm tests/core/test_each.c'
breaks mirror 'does not exist' 'echo "src/base/gone.c once" >> tests/project/untested.txt'
breaks mirror 'has its test now' 'echo "src/core/each.c lazy" >> tests/project/untested.txt'
breaks hygiene '700 lines' 'yes "" | head -n 700 > src/core/long.c'
breaks hygiene 'strtok: is banned' 'echo "int x = strtok (0);" > tests/core/test_each.c'
breaks hygiene 'each.c:3: strtod: follows' 'echo "double f(void) { return strtod(0, 0); }" >> src/core/each.c'
breaks hygiene 'never ends the process' 'echo "void f(int a) { assert(a); }" >> src/core/each.c'
breaks exports 'the library does not export it' 'echo "TG_API int tg_gone(int x);" >> include/tensorgrad/base.h'
breaks exports 'no public header declares it' 'echo "TG_API int tg_extra(int x) { return x; }" >> src/core/each.c'
breaks exports 'declared without TG_API' 'echo "int tg_forgot(int x);" >> include/tensorgrad/base.h'
breaks exports 'declared twice' 'echo "TG_API int tg_twice(int x);" >> include/tensorgrad/base.h'
breaks forbidden 'each.c uses abort' 'echo "void abort(void); void f(void) { abort(); }" >> src/core/each.c'
breaks forbidden 'each.c uses printf, which prints' 'echo "int printf(const char *, ...); void f(int x) { printf(\"%d\", x); }" >> src/core/each.c'
breaks forbidden 'may write to streams' 'printf "#include <stdio.h>\nvoid f(FILE *x) { fprintf(x, \"%%d\", 1); }\n" >> src/core/each.c'
breaks forbidden 'locale' 'printf "#include <locale.h>\nvoid f(void) { setlocale(0, \"\"); }\n" >> src/core/each.c'
breaks headers 'does not compile alone' 'echo "size_t tg_size(void);" >> include/tensorgrad/base.h'
breaks headers 'does not compile alone' 'echo "typedef struct { int a; } tg_redefined;" >> include/tensorgrad/base.h'

# Generated macros: a new function makes them stale.
mkdir -p "$tmp/sites/include"
cp -R "$root/include/tensorgrad" "$tmp/sites/include/tensorgrad"
stale() { ! sh "$root/scripts/sites.sh" --check "$tmp/sites" > "$tmp/log" 2>&1; }
if stale; then echo "sites.sh finds fault with the project's headers:"; cat "$tmp/log"; exit 1; fi
echo 'TG_API tg_tensor *tg_novel(tg_tensor *x);' >> "$tmp/sites/include/tensorgrad/ops.h"
stale || { echo "sites.sh accepts a function without its macro"; exit 1; }
sh "$root/scripts/sites.sh" "$tmp/sites"
if stale; then echo "sites.sh writes what it refuses"; exit 1; fi
grep -q 'define tg_novel(' "$tmp/sites/include/tensorgrad/sites.h" || { echo "sites.sh skips tg_novel"; exit 1; }
echo 'TG_API tg_tensor *tg_novel_(tg_tensor *x);' >> "$tmp/sites/include/tensorgrad/ops.h"
if stale; then echo "sites.sh takes tg_novel_ for a maker of tensors"; exit 1; fi
cases=$((cases + 1))

# Examples: the comparison knows equal from different.
cat > "$tmp/example.c" << 'END'
/* expected output of: example tests/project a b
one 1.5 end
...
two ... of ...
*/
END
example() { # example <lines that the program prints>
    printf '#!/bin/sh\necho "$#" > arguments\nprintf "%s"\n' "$1" > "$tmp/program"
    chmod +x "$tmp/program"
    sh "$checks/run_example.sh" "$root" "$tmp/example.c" "$tmp/program" "$tmp/scratch" > "$tmp/log" 2>&1
}
accepts() { example "$1" || { echo "run_example.sh refuses: $1"; cat "$tmp/log"; exit 1; }; }
differs() { if example "$1"; then echo "run_example.sh accepts: $1"; exit 1; fi; cases=$((cases + 1)); }
accepts 'one 1.5 end\ntwo 7 of 9\n'
[ "$(cat "$tmp/scratch/arguments")" = 3 ] || { echo "run_example.sh passes the wrong arguments"; exit 1; }
accepts 'one 1.5 end\nx\ny\ntwo 7 of 9\n'
differs 'one 1.6 end\ntwo 7 of 9\n'
differs 'one 1.5 end\nx\n'
differs 'one 1.5 end\ntwo 7 of 9\nthree\n'
differs ''
printf '#!/bin/sh\nprintf "one 1.5 end\\ntwo 7 of 9\\n"; exit 3\n' > "$tmp/program"
if sh "$checks/run_example.sh" "$root" "$tmp/example.c" "$tmp/program" "$tmp/scratch" > "$tmp/log" 2>&1; then
    echo "run_example.sh accepts an example that fails"
    exit 1
fi
echo "the checks find $((cases + 1)) faults of $((cases + 1))"
