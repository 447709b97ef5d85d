#!/usr/bin/env bash
# Prints the first interpreter on PATH that is CPython 3.11 or later; $PYTHON, if set, is the only candidate.
set -euo pipefail

candidates=(python3 python3.13 python3.12 python3.11 python)
[ -z "${PYTHON:-}" ] || candidates=("$PYTHON")

for candidate in "${candidates[@]}"; do
  # A shim may be on PATH and still not run, so it is asked rather than looked up.
  if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11) or sys.implementation.name != "cpython")' \
    2>/dev/null; then
    command -v "$candidate"
    exit 0
  fi
done

echo "CPython 3.11 or later is needed; none of these is: ${candidates[*]}" >&2
exit 1
