#!/bin/sh
# example.sh - builds the library and fits a line to certified data with it.
#
#   sh scripts/example.sh
#
# Ends with exit code 0 only if the fitted coefficients agree with the certified ones.
set -eu
sh "$(dirname -- "$0")/bootstrap.sh"
. "$(dirname -- "$0")/build.sh"

build example_linear_regression
curve=$build/linear_regression.svg
echo
"$build/examples/linear_regression" "$root/examples/data/norris.csv" "$curve"
