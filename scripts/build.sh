# build.sh - shared by example.sh, test.sh and campaign.sh (sourced, not run): the release build.
#
# One directory for all of them, build/release, which the CMake preset `release` uses as well.
# Offers: build <targets...> (none: everything), run_tests <arguments of ctest>, $root, $build, $jobs.
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
build=$root/build/release
jobs=$(getconf _NPROCESSORS_ONLN 2> /dev/null || echo 2)

build() {
    set -- ${1+--target "$@"}
    if [ ! -e "$build/CMakeCache.txt" ] && ! command -v make > /dev/null 2>&1; then
        CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja} # CMake would look for make
        export CMAKE_GENERATOR
    fi
    cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DTENSORGRAD_BUILD_TESTS=ON \
        -DTENSORGRAD_BUILD_EXAMPLES=ON
    cmake --build "$build" --parallel "$jobs" "$@"
}

# ctest, and afterwards what was skipped and why: that stands in the log only.
run_tests() {
    cd "$build"
    tests=0
    ctest --output-on-failure "$@" || tests=$?
    if grep -i '^skipped: ' Testing/Temporary/LastTest.log > skipped.txt 2> /dev/null; then
        echo "Skipped here:"
        sort -u skipped.txt | sed 's/^[Ss][A-Za-z]*: /  /'
    fi
    return "$tests"
}
