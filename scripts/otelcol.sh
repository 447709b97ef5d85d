#!/usr/bin/env bash
# Builds OpenTelemetry's own collector for the tests, into target/otelcol, where Go 1.25 or later is installed.
# Without it, the test that needs it is skipped; all others judge by OpenTelemetry's messages alone.
set -euo pipefail

cd "$(dirname "$0")/../tests/otelcol"
version=$(go env GOVERSION 2>/dev/null | sed -E 's/^go([0-9]+)\.([0-9]+).*/\1 \2/') || version=
read -r major minor <<<"${version:-0 0}"
if [ "$major" -lt 1 ] || { [ "$major" -eq 1 ] && [ "$minor" -lt 25 ]; }; then
  echo "Go 1.25 or later is not installed: no collector for the tests"
  exit 0
fi
target=../../target/otelcol
if [ -x "$target" ] && [ "$target" -nt go.sum ] && [ "$target" -nt main.go ]; then
  exit 0
fi
mkdir -p ../../target
if ! GOTOOLCHAIN=local go build -trimpath -ldflags='-s -w' -o "$target" .; then
  # No test but one needs it, and its modules come over the network.
  echo "the collector could not be built: the test that needs it is skipped" >&2
fi
