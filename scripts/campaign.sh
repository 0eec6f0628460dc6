#!/bin/sh
# campaign.sh - the tests that take long (label `long`), in the release build, one after the other,
# with everything they print.
#
#   sh scripts/campaign.sh [arguments for ctest]
set -eu
sh "$(dirname -- "$0")/bootstrap.sh"
. "$(dirname -- "$0")/build.sh"

build
run_tests -L '^long$' --verbose --no-tests=error "$@"
