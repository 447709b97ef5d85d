#!/usr/bin/env bash
# Checks that the programs which `make run`, `make test` or `make bench` use are installed.
#
#   scripts/services.sh run|test|bench
#
# What is missing is installed with apt-get if this is Debian and we are root; else its packages are named and the check
# fails. Rust and Node are never installed: the versions that distributions ship are too old.
set -euo pipefail

purpose=${1:?usage: services.sh run|test|bench}
here=$(dirname "$0")
packages=()
by_hand=()

program() { # NAME PACKAGE...
  local name=$1
  shift
  # Debian keeps daemons in sbin, which a user's PATH may lack.
  PATH=$PATH:/usr/sbin:/sbin command -v "$name" >/dev/null || packages+=("$@")
}

toolchain() { # NAME HINT
  command -v "$1" >/dev/null || by_hand+=("$2")
}

postgres_server() {
  # Debian keeps the server's programs off the path.
  command -v initdb >/dev/null || compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null
}

node_is_recent() {
  node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' 2>/dev/null
}

if python=$("$here/find-python.sh" 2>/dev/null); then
  # Debian ships venv apart from the interpreter.
  "$python" -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)
else
  packages+=(python3 python3-venv)
fi
program cc gcc libc6-dev
toolchain cargo "Rust 1.91 or later (rustup)"

case $purpose in
  run) ;;
  test)
    program curl curl
    program git git
    program openssl openssl
    postgres_server || packages+=(postgresql)
    node_is_recent || by_hand+=("Node 20 or later")
    toolchain npm "npm"
    ;;
  bench)
    program nginx nginx-light
    program openssl openssl
    program valgrind valgrind
    ;;
  *)
    echo "unknown purpose: $purpose (run, test or bench)" >&2
    exit 2
    ;;
esac

if [ ${#by_hand[@]} -gt 0 ]; then
  printf 'missing, please install: %s\n' "${by_hand[@]}" >&2
fi
if [ ${#packages[@]} -gt 0 ]; then
  if [ -f /etc/debian_version ] && [ "$(id -u)" = 0 ]; then
    echo "installing: ${packages[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
  else
    echo "missing, please install (Debian's names): ${packages[*]}" >&2
    exit 1
  fi
fi
[ ${#by_hand[@]} -eq 0 ]
