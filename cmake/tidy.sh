#!/usr/bin/env bash
# Runs clang-tidy on a configured build folder: tidy.sh BUILD [REGEX of files]...
set -euo pipefail

build=$(cd "$1" && pwd)
shift
# From scratch: what is written below must never go through a link that lay there.
rm -rf "$build/tidy"
mkdir -p "$build/tidy/include"
# Clang does not know, and does not need, GCC's repair for xtensor, nor the test that revokes it.
sed -E "s/ -fno-new-ttp-matching| -fnew-ttp-matching//g" "$build/compile_commands.json" \
  >"$build/tidy/compile_commands.json"
# Clang has no omp.h without a package of its own: the compiler's will do, less an attribute that only GCC knows.
sed 's/__malloc__ (omp_free)/__malloc__/' "$(c++ -print-file-name=include/omp.h)" >"$build/tidy/include/omp.h"
# Its list of headers' suppressed warnings goes to stderr, its command lines to stdout: neither is a finding.
if run-clang-tidy -quiet -j "$(nproc)" -p "$build/tidy" -extra-arg="-isystem$build/tidy/include" "$@" \
  >"$build/tidy/log" 2>/dev/null; then
  echo "clang-tidy: nothing found"
else
  sed -E 's/\x1b\[[0-9;]*m//g; /^(clang-tidy.*)?$/d' "$build/tidy/log"
  exit 1
fi
