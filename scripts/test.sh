#!/bin/sh
# test.sh - builds everything and runs the tests, but those that take long (scripts/campaign.sh).
#
#   sh scripts/test.sh [arguments for ctest]
set -eu
sh "$(dirname -- "$0")/bootstrap.sh"
. "$(dirname -- "$0")/build.sh"

build
run_tests -LE '^long$' -j "$jobs" "$@"
