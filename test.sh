#!/usr/bin/env bash
# Installs what is missing, builds, and runs all tests: ./test.sh [options of ctest].
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

cmake/install-packages.sh build
cmake --preset release
cmake --build --preset release --parallel "$(nproc)"
ctest --preset release --parallel "$(nproc)" "$@"
