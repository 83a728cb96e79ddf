#!/usr/bin/env bash
# Builds core and autograd with other versions of the libraries they are written in and runs their tests; fails if any
# fails. Wanted are xsimd 8.1 to 13 and xtensor 0.24 to 0.26.
#   check-versions.sh SET...    SET: source folders of xsimd, xtensor and xtl, joined by commas; the rest is the system's
# e.g. check-versions.sh xsimd-9.0.1 xsimd-13.2.0,xtensor-0.26.0,xtl-0.8.0
set -euo pipefail

source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/canopy-versions.XXXXXX")
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

# check SET: the libraries are headers, so that installing them is quick.
check() {
  local library libraries
  rm -rf "$work"/{library,prefix,build}
  IFS=, read -ra libraries <<<"$1"
  for library in "${libraries[@]}"; do
    rm -rf "$work/library"
    cmake -S "$library" -B "$work/library" -G Ninja -DCMAKE_PREFIX_PATH="$work/prefix" &&
      cmake --install "$work/library" --prefix "$work/prefix" || return
  done
  cmake -S "$source" -B "$work/build" -G Ninja -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_COMPILE_WARNING_AS_ERROR=ON \
    -DCANOPY_EXPERIMENTS=OFF -DCANOPY_UNITY=ON &&
    cmake --build "$work/build" --parallel "$(nproc)" --target test_core test_autograd &&
    ctest --test-dir "$work/build" --parallel "$(nproc)" --output-on-failure --tests-regex '^(core|autograd)\.'
}

[ $# -gt 0 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" && exit 2; }
for set in "$@"; do
  if check "$set" >"$work/log" 2>&1; then
    passed=$((passed + 1))
    echo "ok      $set"
  else
    failed=$((failed + 1))
    sed 's/^/        /' "$work/log"
    echo "FAILED  $set"
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
