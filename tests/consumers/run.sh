#!/usr/bin/env bash
# Builds and runs the consumer projects beside this script against canopy as users get it: installed static and shared,
# found by CMake and by pkg-config, as a folder of their own tree, and through FetchContent. Works in a temporary folder;
# fails if any check fails.
#   run.sh [BUILD]    BUILD: a folder with a static, native build to install instead of making one
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=$(cd "$here/../.." && pwd)
ready=${1:+$(cd "$1" && pwd)}
work=$(mktemp -d "${TMPDIR:-/tmp}/canopy-consumers.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"  # where the programs leave their files
passed=0 failed=0

# check NAME COMMAND...: runs the command, shows its output only if it fails.
check() {
  local name=$1 begin=$SECONDS
  shift
  if "$@" >"$work/log" 2>&1; then
    passed=$((passed + 1))
    echo "ok      $name ($((SECONDS - begin)) s)"
  else
    failed=$((failed + 1))
    sed 's/^/        /' "$work/log"
    echo "FAILED  $name"
  fi
}

configure() { cmake -S "$1" -B "$2" -G Ninja -DCMAKE_BUILD_TYPE=Release "${@:3}"; }
build() { cmake --build "$1" --parallel "$(nproc)" "${@:2}"; }

# install_canopy NAME OPTION...: a native build, installed and then moved.
install_canopy() {
  local built=$work/build-$1
  if [ "$1" = static ] && [ -n "$ready" ]; then
    built=$ready
  else
    configure "$source" "$built" -DCANOPY_TESTS=OFF -DCANOPY_UNITY=ON "${@:2}" && build "$built" || return
  fi
  cmake --install "$built" --prefix "$work/before-the-move" && mv "$work/before-the-move" "$work/$1" || return
  rm -rf "$work/build-$1"
  # The package files may name neither the build, nor the sources, nor the prefix.
  ! grep -rnF -e "$source" -e "$work" "$work/$1/lib/cmake" "$work/$1/lib/pkgconfig"
}

# use PROJECT KIND PROGRAM...: configures and builds a project against the canopy installed as KIND, runs its programs.
use() {
  local build="$work/$1-$2" program
  configure "$here/$1" "$build" -DCMAKE_PREFIX_PATH="$work/$2" && build "$build" || return
  for program in "${@:3}"; do "$build/$program" || return; done
}

# without_cmake KIND: the same programs by pkg-config alone.
without_cmake() {
  local installed=$work/$1 out=$work/pkg-config-$1
  # by_pkg_config PACKAGE PROGRAM SOURCE...
  by_pkg_config() {
    local flags
    flags=$(PKG_CONFIG_PATH="$installed/lib/pkgconfig" pkg-config --cflags --libs "$1") || return
    # shellcheck disable=SC2086  # flags are words
    c++ -std=c++20 "${@:3}" $flags -Wl,-rpath,"$installed/lib" -o "$out/$2"
  }
  mkdir "$out" && by_pkg_config canopy consumer "$here/installed/main.cpp" && "$out/consumer" &&
    by_pkg_config canopy-xtensor silu "$here"/portable/{main,silu}.cpp && "$out/silu" &&
    by_pkg_config canopy-harness spirals "$source/experiments/lessons/spirals.cpp" && "$out/spirals"
}

# The driver, from where it was moved to, with its papers beside it.
installed_driver() {
  "$work/$1/bin/canopy" list --json >/dev/null && [ -s "$work/$1/share/doc/canopy/LICENSE" ] &&
    [ -s "$work/$1/share/doc/canopy/CHANGELOG.md" ]
}

# A shared library shows what is in namespace canopy, the errors' types with it, and nothing that it was built from.
shared_libraries_show_canopy_alone() {
  local shown
  nm -D --defined-only "$work"/shared/lib/libcanopy_*.so | awk 'NF == 3 { print $3 }' | sort -u >"$work/symbols"
  grep -q '^_ZTIN6canopy10ShapeErrorE$' "$work/symbols" || return  # or no program could catch it
  shown=$(sed -E '/^_Z(T[ISVTHW]|GV|Z|GVZ)?N[KRO]*6canopy/ { /7kernels4simd/!d }' "$work/symbols" | c++filt)
  [ -z "$shown" ] || { echo "$shown" && return 1; }
}

# in_tree PROJECT OPTION... -- PROGRAM...: the same for a project that builds canopy itself.
in_tree() {
  local build="$work/$1" program options=()
  local project=$1
  shift
  while [ "$1" != -- ]; do options+=("$1") && shift; done
  shift
  configure "$here/$project" "$build" -DCANOPY_SOURCE="$source" "${options[@]}" && build "$build" --target "$@" || return
  for program in "$@"; do "$build/$program" || return; done
}

# A grid of one's own trains, is reported, and keeps what its lesson promises.
own_experiment() {
  use harness static spirals || return
  local program="$work/harness-static/own_experiment"
  "$program" run lessons/ball --expect 'ball-tree:rmse<=3' && "$program" report runs/lessons-ball --json >/dev/null
}

# No installed header but the gateway shows xtensor, and none xsimd or BLAS.
headers_are_clean() {
  local shown
  shown=$(grep -rnE '#include *[<"](xtensor|xsimd|cblas|omp|immintrin)' "$work/static/include" |
    grep -v '/canopy/core/xtensor.hpp:[0-9]*:#include <xtensor/' || true)
  [ -z "$shown" ] || { echo "$shown" && return 1; }
}

# However many builds of OpenBLAS the system has, the loader takes the OpenMP one.
openblas_is_the_openmp_build() {
  local loaded
  ldd "$work/shared/lib/libcanopy_core.so" "$work/portable-static/silu" >"$work/libraries" || return
  loaded=$(grep libopenblas "$work/libraries" || true)
  echo "$loaded"
  ! grep -v 'openblas-openmp/' <<<"$loaded" | grep -q .
}

# A limit twice the 3 s that we promise: machines differ. The best of three, because machines are busy.
umbrella_is_light() {
  local best=999999 begin milliseconds
  for _ in 1 2 3; do
    begin=$(date +%s%N)
    c++ -std=c++20 -O2 -isystem "$work/static/include" -c "$here/umbrella.cpp" -o "$work/umbrella.o" || return
    milliseconds=$((($(date +%s%N) - begin) / 1000000))
    ((milliseconds < best)) && best=$milliseconds
  done
  echo "$best ms" >"$work/umbrella.time"
  ((best < 6000)) || { echo "$best ms" && return 1; }
}

check "install, static" install_canopy static -DBUILD_SHARED_LIBS=OFF
check "install, shared" install_canopy shared -DBUILD_SHARED_LIBS=ON
for kind in static shared; do
  check "find_package, $kind" use installed "$kind" consumer one_room
  check "portable consumer of a native library, $kind" use portable "$kind" silu
done
for kind in static shared; do
  check "pkg-config, $kind" without_cmake "$kind"
  check "the driver, $kind" installed_driver "$kind"
done
check "shared libraries show canopy alone" shared_libraries_show_canopy_alone
check "add_subdirectory" in_tree subdirectory -- consumer silu
check "FetchContent, shared" in_tree fetched -DBUILD_SHARED_LIBS=ON -- one_room
check "an experiment of one's own" own_experiment
check "headers show no xsimd, no BLAS, xtensor once" headers_are_clean
check "OpenBLAS is the OpenMP build" openblas_is_the_openmp_build
check "<canopy/canopy.hpp> compiles in a few seconds" umbrella_is_light
[ ! -e "$work/umbrella.time" ] || echo "        best of three: $(cat "$work/umbrella.time")"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
