#!/usr/bin/env bash
# Run tests; what fails gets a second try, one after the other, and what that saves is noted in $SAVED by name.
# Usage: SAVED=FILE test_twice.sh HOW WHAT...: HOW (one word) for the first try alone, WHAT for both.
set -uo pipefail
pytest=.venv/bin/pytest
read -ra how <<< "$1"
shift

"$pytest" -q "${how[@]}" "$@"
code=$?
# 1: tests failed. After anything else (a file that cannot be imported, a crash of pytest) some were never run.
[ "$code" -eq 1 ] || exit "$code"

echo "What failed gets a second try."
mkdir -p "$(dirname "$SAVED")"
"$pytest" -q -rfEp --last-failed --last-failed-no-failures none "$@" | tee "$SAVED.now"
code=${PIPESTATUS[0]}
sed -n 's/^PASSED //p' "$SAVED.now" >> "$SAVED"
rm "$SAVED.now"
exit "$code"
