#!/usr/bin/env bash
# Installs what is missing, builds, and runs the default experiment: ./run.sh [options of `canopy run`].
# A second run continues the first, or shows its table.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

"$here/cmake/install-packages.sh" build
(cd "$here" && cmake --preset release && cmake --build --preset release --parallel "$(nproc)") >&2
exec "$here/build/release/bin/canopy" run fff/counterparts --resume "$@"
