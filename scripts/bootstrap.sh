#!/bin/sh
# bootstrap.sh - makes sure that what the build and the tests need is here.
#
#   sh scripts/bootstrap.sh
#
# Looks for a C compiler, CMake >= 3.16, make or ninja, OpenBLAS and cmocka, and installs the missing
# ones, and nothing else, with apt-get (as root or through sudo). If nothing is missing it changes
# nothing and needs no network. Every command that changes the system is printed before it runs.
#
#   TENSORGRAD_NO_INSTALL=1   install nothing: print what is missing and end with exit code 3
#   CC=...                    the C compiler to look for, instead of cc or gcc or clang
#
# Exit codes: 0 all is here; 3 something is missing and was not installed; others: apt-get failed.
set -eu

say() { printf '%s\n' "bootstrap: $*"; }
have() { command -v "$1" > /dev/null 2>&1; }

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM

compiler() {
    for candidate in ${CC:-cc gcc clang}; do
        if have "$candidate"; then printf '%s\n' "$candidate"; return 0; fi
    done
    return 1
}

# compiles <file.c> <flags>...: does the program build and link?
compiles() {
    source=$1
    shift
    cc=$(compiler) || return 1
    "$cc" "$source" -o "$tmp/program" "$@" > /dev/null 2>&1
}

has_compiler() {
    printf '#include <stdio.h>\n#include <math.h>\n#include <pthread.h>\n%s\n' \
        'int main(int n, char **v) { (void)v; return !(sqrt(n) > 0 && pthread_self()); }' > "$tmp/c.c"
    compiles "$tmp/c.c" -lm -lpthread
}

has_cmake() {
    have cmake || return 1
    version=$(cmake --version | sed -n '1s/[^0-9]*\([0-9]*\)\.\([0-9]*\).*/\1 \2/p')
    major=${version% *} minor=${version#* }
    [ "${major:-0}" -gt 3 ] || { [ "${major:-0}" -eq 3 ] && [ "${minor:-0}" -ge 16 ]; } || {
        say "cmake $major.$minor is too old: 3.16 is needed"
        return 1
    }
}

has_make() { have make || have ninja; }

# The places where CMake looks too, so that the two agree (cmake/TensorgradFindOpenBLAS.cmake).
has_openblas() {
    printf '#include <cblas.h>\nint main(void) { return openblas_get_config() == 0; }\n' > "$tmp/b.c"
    compiles "$tmp/b.c" -lopenblas && return 0
    if have pkg-config && pkg-config --exists openblas; then
        # shellcheck disable=SC2046
        compiles "$tmp/b.c" $(pkg-config --cflags --libs openblas) && return 0
    fi
    for directory in /usr/include /usr/local/include /opt/openblas/include; do
        for name in openblas openblas-pthread openblas-openmp .; do
            if [ -e "$directory/$name/cblas.h" ]; then
                compiles "$tmp/b.c" -I"$directory/$name" -L"${directory%include}lib" \
                    -L"${directory%include}lib64" -lopenblas && return 0
            fi
        done
    done
    return 1
}

has_cmocka() {
    cat > "$tmp/t.c" << 'END'
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
static void nothing(void **state) { (void)state; }
int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
END
    compiles "$tmp/t.c" -lcmocka
}

# What is missing, by the names that the common package managers use.
apt='' dnf='' pacman='' apk='' missing=''
lacks() { # lacks <what> <apt> <dnf> <pacman> <apk>
    missing="$missing${missing:+, }$1"
    apt="$apt $2" dnf="$dnf $3" pacman="$pacman $4" apk="$apk $5"
}
check() {
    apt='' dnf='' pacman='' apk='' missing=''
    has_compiler || lacks 'a C compiler' 'gcc libc6-dev' 'gcc glibc-devel' gcc 'gcc musl-dev'
    has_cmake || lacks 'CMake 3.16' cmake cmake cmake cmake
    has_make || lacks make make make make make
    # Without a compiler these two cannot be tried; apt-get leaves alone what is installed already.
    has_openblas || lacks OpenBLAS libopenblas-dev openblas-devel openblas openblas-dev
    has_cmocka || lacks cmocka libcmocka-dev libcmocka-devel cmocka cmocka-dev
    [ -z "$missing" ]
}

if check; then
    say "all is here"
    exit 0
fi
say "missing: $missing"

prefix=''
if [ "$(id -u)" -ne 0 ]; then prefix='sudo '; fi
options='-y --no-install-recommends -o DPkg::Lock::Timeout=120'
line="${prefix}apt-get install $options$apt"

if ! have apt-get; then
    say "there is no apt-get here; the packages are, as far as we know:"
    say "  Fedora:  ${prefix}dnf install$dnf"
    say "  Arch:    ${prefix}pacman -S --needed$pacman"
    say "  Alpine:  ${prefix}apk add$apk"
    exit 3
fi
if [ "${TENSORGRAD_NO_INSTALL:-0}" = 1 ]; then
    say "TENSORGRAD_NO_INSTALL=1, so nothing is installed. The command would be:"
    printf '%s\n' "$line"
    exit 3
fi
if [ -n "$prefix" ] && ! have sudo; then
    say "neither root nor sudo: run this as root, then start again:"
    printf '%s\n' "${line#sudo }"
    exit 3
fi

run() {
    say "running: $prefix$*"
    if [ -n "$prefix" ]; then sudo env DEBIAN_FRONTEND=noninteractive "$@"
    else DEBIAN_FRONTEND=noninteractive "$@"; fi
}
known() { # does apt know where to get every package?
    for package in $apt; do
        apt-cache policy "$package" 2> /dev/null | grep -q 'Candidate: [0-9]' || return 1
    done
}
install() {
    # shellcheck disable=SC2086
    run apt-get install $options $apt
}

updated=no
if ! known; then
    run apt-get update
    updated=yes
fi
if ! install; then
    # An index that is out of date names files that the mirror no longer has.
    if [ "$updated" = yes ]; then say "apt-get failed"; exit 1; fi
    run apt-get update
    install || { say "apt-get failed"; exit 1; }
fi

check || { say "installed, and yet missing: $missing"; exit 1; }
say "all is here now"
