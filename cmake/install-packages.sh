#!/usr/bin/env bash
# Installs the packages of cmake/packages.txt that are missing: install-packages.sh GROUP...
set -euo pipefail

list=$(dirname "${BASH_SOURCE[0]}")/packages.txt
packages=()
for group in "$@"; do
  mapfile -t -O "${#packages[@]}" packages < <(
    awk -v group="[$group]" '/^\[/ { inside = ($1 == group); next } inside && NF && !/^#/ { print $1 }' "$list")
done

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  echo "canopy: this is not Debian; going on in the hope that these are there: ${packages[*]}" >&2
  exit 0
fi
missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "canopy: installing ${missing[*]}" >&2
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "canopy: not root and no sudo here. As root, run: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
# env, because sudo drops variables.
"${as_root[@]}" apt-get update
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}"
