#!/usr/bin/env bash
# Everything that must hold: format, lints, all tests, end-to-end with the system's Blender and with the
# versions of the bpy module that are named.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

BLENDNET_TEST_BPY=$(scripts/setup.sh "$@")
export BLENDNET_TEST_BPY
echo "testing with $(blender --version | head -n 1)${BLENDNET_TEST_BPY:+ and $BLENDNET_TEST_BPY}"

set -x
cargo fmt --check
cargo clippy --workspace --all-targets -- -D warnings
# The end-to-end tests start the programs, which cargo does not build for them.
cargo build --workspace --bins
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --workspace --no-fail-fast
else
    cargo test --workspace --no-fail-fast
fi
