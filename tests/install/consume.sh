#!/bin/sh
# consume.sh - installs the library and builds a user's program against it.
#
#   sh consume.sh stage | components | find_package_{shared,static} | pkg_config_{shared,static} |
#                 add_subdirectory
#
# Called by ctest, which sets the variables used here (install.cmake).
set -eu
stage=$ROOT/moved
consumer=$SOURCE_DIR/tests/install/consumer
work=$ROOT/$1
want="tensorgrad $VERSION: 1.5"

runs() { # runs <program>: it prints what it should
    got=$("$@") || { echo "$1 failed"; exit 1; }
    [ "$got" = "$want" ] || { echo "$1 printed '$got' instead of '$want'"; exit 1; }
    echo "$got"
}
configure() { # configure <cmake arguments>
    rm -rf "$work"
    "$CMAKE" -S "$consumer" -B "$work" -G "$GENERATOR" -DCMAKE_C_COMPILER="$CC" "$@"
    "$CMAKE" --build "$work" --config "$CONFIG" --parallel "${CMAKE_BUILD_PARALLEL_LEVEL:-2}"
}
needs_library() { # needs_library <program> yes|no: is libtensorgrad.so among what it loads?
    if readelf -d "$1" | grep -q 'NEEDED.*libtensorgrad\.so\.0'; then found=yes; else found=no; fi
    [ "$found" = "$2" ] || { echo "$1: linked with libtensorgrad.so: $found, expected $2"; exit 1; }
}
need_pkg_config() {
    command -v pkg-config > /dev/null 2>&1 || { echo "SKIPPED: no pkg-config here"; exit 77; }
    # Only our .pc is to be seen: what it says must be enough on a machine without openblas.pc.
    PKG_CONFIG_LIBDIR=$stage/$LIBDIR/pkgconfig
    export PKG_CONFIG_LIBDIR
    unset PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
    rm -rf "$work"
    mkdir -p "$work"
    [ "$(pkg-config --modversion tensorgrad)" = "$VERSION" ] || { echo "wrong version in the .pc"; exit 1; }
}

case $1 in
stage)
    rm -rf "$ROOT"
    DESTDIR=$ROOT/dest "$CMAKE" --install "$BUILD_DIR" --config "$CONFIG"
    mv "$ROOT/dest$PREFIX" "$stage"
    if grep -rn -F -e "$BUILD_DIR" -e "$SOURCE_DIR" "$stage/$LIBDIR/cmake" "$stage/$LIBDIR/pkgconfig" \
        "$stage/include"; then
        echo "paths of the build are written into the installation"
        exit 1
    fi
    for file in include/tensorgrad/tensorgrad.h "$LIBDIR/libtensorgrad.so" \
        "$LIBDIR/libtensorgrad.so.0" "$LIBDIR/libtensorgrad.so.$VERSION" \
        "$LIBDIR/libtensorgrad.a" "$LIBDIR/pkgconfig/tensorgrad.pc"; do
        [ -e "$stage/$file" ] || { echo "$file was not installed"; exit 1; }
    done
    ;;
components)
    rm -rf "$work"
    for component in runtime development; do
        DESTDIR=$work/$component "$CMAKE" --install "$BUILD_DIR" --config "$CONFIG" \
            --component $component > /dev/null
    done
    runtime=$(cd "$work/runtime$PREFIX/$LIBDIR" && echo *)
    [ "$runtime" = "libtensorgrad.so.0 libtensorgrad.so.$VERSION" ] ||
        { echo "the component runtime holds: $runtime"; exit 1; }
    both=$(cd "$work" && find . \( -type f -o -type l \) | wc -l)
    all=$(cd "$stage" && find . \( -type f -o -type l \) | wc -l)
    [ "$both" -eq "$all" ] || { echo "the components hold $both files, everything is $all"; exit 1; }
    ;;
find_package_*)
    kind=${1##*_}
    configure -DKIND="$kind" -DCMAKE_PREFIX_PATH="$stage" -DCMAKE_BUILD_TYPE=Release
    case $kind in shared) needs=yes ;; *) needs=no ;; esac
    program=$(find "$work" -name "consumer_$kind" -type f)
    needs_library "$program" $needs
    runs "$program"
    ;;
pkg_config_shared)
    need_pkg_config
    # shellcheck disable=SC2046
    "$CC" "$consumer/main.c" -o "$work/consumer" $(pkg-config --cflags --libs tensorgrad)
    needs_library "$work/consumer" yes
    runs env LD_LIBRARY_PATH="$stage/$LIBDIR" "$work/consumer"
    ;;
pkg_config_static)
    need_pkg_config
    # The archive by its name, and what it needs by Libs.private.
    flags=$(pkg-config --static --cflags --libs tensorgrad | sed 's/-ltensorgrad/-l:libtensorgrad.a/')
    # shellcheck disable=SC2086
    "$CC" "$consumer/main.c" -o "$work/consumer" $flags
    needs_library "$work/consumer" no
    runs "$work/consumer"
    ;;
add_subdirectory)
    configure -DEMBED="$SOURCE_DIR" -DTENSORGRAD_BLAS="$BLAS"
    for kind in shared static; do runs "$(find "$work" -name "consumer_$kind" -type f)"; done
    ;;
*)
    echo "consume.sh: unknown way '$1'"
    exit 2
    ;;
esac
