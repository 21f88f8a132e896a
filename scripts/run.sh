#!/usr/bin/env bash
# The demo scene: in the window where there is a display, else on the command line.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
    exec target/release/blendnet open assets/demo/demo.blend
fi
target/release/blendnet render assets/demo/demo.blend --output render
echo "The picture, and the EXR with all passes, are in $PWD/render"
