#!/usr/bin/env bash
# Formats every source that git knows: format.sh; with --check, changes nothing and fails if there is something to do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

action=(-i)
[ "${1:-}" != --check ] || action=(--dry-run -Werror)
git ls-files -z --cached --others --exclude-standard -- '*.hpp' '*.cpp' | xargs -0 clang-format "${action[@]}"
