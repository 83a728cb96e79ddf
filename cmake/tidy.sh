#!/usr/bin/env bash
# Runs clang-tidy: `tidy.sh` on the sources that differ from the last release, `tidy.sh all` on every one, `tidy.sh
# FILE...` on those. Of a header it analyses the source beside it or, without one, the first that includes it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The last release before this commit: its tag or, in a clone without tags, the commit that set the version.
last_release() {
  git describe --tags --abbrev=0 --match 'v[0-9]*' HEAD^ 2>/dev/null ||
    git log -1 --format=%h -G'^project\(canopy VERSION' HEAD^ -- CMakeLists.txt
}

# source_of FILE: what to analyse for it.
source_of() {
  case $1 in
    *.cpp) echo "$1" ;;
    *.hpp) if [ -e "${1%.hpp}.cpp" ]; then echo "${1%.hpp}.cpp"; else
      git grep -lE "^#include [<\"](canopy/|.*)${1##*/}[>\"]" -- '*.cpp' | head -n 1 || true
    fi ;;
  esac
}

sources=()
if [ "${1:-}" != all ]; then
  if [ $# -gt 0 ]; then
    files=("$@")
  else
    release=$(last_release)
    mapfile -t files < <(git diff --name-only --diff-filter=d "$release" -- '*.cpp' '*.hpp')
    echo "clang-tidy: ${#files[@]} files differ from $release"
  fi
  mapfile -t sources < <(for file in "${files[@]}"; do source_of "$file"; done | sort -u)
  [ ${#sources[@]} -gt 0 ] || exit 0
fi

# A folder of its own, for clang. Every file: a dozen tests at a time, as they are compiled elsewhere, in a third of the
# time; what stands in them are headers to clang-tidy then. Single files: each by its own command.
build=build/tidy unity=OFF options=()
if [ ${#sources[@]} -eq 0 ]; then
  unity=ON
  options=(-header-filter="^$PWD/(core|autograd|nn|optim|datasets|experiments|tests|$build/include/canopy)/"
           -checks=-bugprone-suspicious-include)
fi
cmake -S . -B "$build" -G Ninja -DCMAKE_CXX_COMPILER=clang++ -DCANOPY_NATIVE=ON -DCANOPY_UNITY=$unity >/dev/null
cmake --build "$build" --target canopy_commit >/dev/null
# Its list of headers' suppressed warnings goes to stderr, its command lines to stdout: neither is a finding.
if run-clang-tidy -quiet -j "$(nproc)" -p "$build" "${options[@]}" "${sources[@]/#/^$PWD/}" >"$build/log" 2>/dev/null; then
  echo "clang-tidy: nothing found"
else
  sed -E 's/\x1b\[[0-9;]*m//g; /^(clang-tidy.*)?$/d' "$build/log"
  exit 1
fi
