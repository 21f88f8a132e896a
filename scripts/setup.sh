#!/usr/bin/env bash
# Installs what BlendNet needs on Debian or Ubuntu, and only what is missing.
#
#     scripts/setup.sh                # Blender, to render
#     scripts/setup.sh 4.5.15 ...     # and what the tests need, with these versions of the bpy module
#     scripts/setup.sh schemathesis   # what holds servers to their OpenAPI descriptions
#
# On stdout: the Pythons that have the module, separated by `:`, or the program. Messages go to stderr.
# BLENDNET_TEST_BPY, if set, names such Pythons itself, and no module is installed.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/blendnet
schemathesis=4.32.5
# What speaks like Amazon, for the tests of crates/cloud_aws.
moto=5.2.5
# What the bpy module links to, and software OpenGL for Workbench.
libraries=(libegl1 libgl1 libgl1-mesa-dri libice6 libsm6 libx11-6 libxext6 libxfixes3 libxi6 libxkbcommon0
    libxrender1)
# A display for the window, what clicks and looks at it, calls the servers as people would, and packs a Blender.
window=(curl imagemagick jq libx11-xcb1 libxcursor1 libxkbcommon-x11-0 libxrandr2 xdotool xvfb xz-utils)

say() { echo "setup: $*" >&2; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        say "not root and no sudo: run as root: $*"
        return 1
    fi
}

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" </dev/null >&2
}

# Installs those of the named packages that are missing.
packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    say "installing ${missing[*]}"
    apt update && apt install -y --no-install-recommends -o Dpkg::Use-Pty=0 "${missing[@]}"
}

# A Slurm cluster for the tests, which only root can start. Its packages start no services here.
slurm() {
    local policy=/usr/sbin/policy-rc.d own=
    if [ ! -e "$policy" ]; then
        own=$policy
        printf '#!/bin/sh\nexit 101\n' > "$policy" && chmod +x "$policy"
    fi
    packages munge slurmctld slurmd slurm-client || say "SKIPPED: the tests with Slurm need its packages"
    [ -z "$own" ] || rm -f "$own"
}

# The path of a Python 3.11 that can make virtual environments; the bpy module has no other.
python() {
    local found
    for found in python3.11 /usr/bin/python3.11 python3; do
        if "$found" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
            echo "$found"
            return
        fi
    done
    return 1
}

# Makes the virtual environment with one version of a package, unless it stands; prints its programs' folder.
# Extras of the package, and further packages, may follow.
environment() {
    local package=$1 version=$2 extras=${3:-} home=$cache/$1-$2
    if [ ! -e "$home/complete" ]; then
        say "installing $package $version in $home"
        rm -rf "$home"
        mkdir -p "$cache"
        "$(python)" -m venv "$home" >&2
        "$home/bin/python" -m pip install --quiet --no-cache-dir "$package$extras==$version" "${@:4}" >&2
        "$home/bin/python" -c "import $package" >&2
        touch "$home/complete"
    fi
    echo "$home/bin"
}

has_apt=$(command -v apt-get || true)
if [ "${1:-}" = schemathesis ]; then
    [ -z "$has_apt" ] || python >/dev/null || packages python3.11 python3.11-venv
    echo "$(environment schemathesis "$schemathesis")/st"
    exit 0
fi
if [ -n "$has_apt" ]; then
    if [ $# -gt 0 ] || ! command -v blender >/dev/null; then packages blender; fi
elif ! command -v blender >/dev/null; then
    say "this is neither Debian nor Ubuntu: install Blender 3.4 or newer and put it on the PATH"
    exit 1
fi
[ $# -gt 0 ] || exit 0

if command -v rustup >/dev/null && ! { cargo fmt --version && cargo clippy --version; } >/dev/null 2>&1; then
    rustup component add rustfmt clippy >&2
fi
# And two machines with a cable between them: network namespaces.
[ -z "$has_apt" ] || packages "${window[@]}" iproute2
[ -z "$has_apt" ] || [ "$(id -u)" -ne 0 ] || slurm
[ -z "$has_apt" ] || python >/dev/null || packages python3.11 python3.11-venv || true
if python >/dev/null; then
    environment moto "$moto" "[ec2,s3]" flask flask-cors >/dev/null
else
    say "SKIPPED: the tests of Amazon's machines need Python 3.11 for moto"
fi
if [ -n "${BLENDNET_TEST_BPY:-}" ]; then
    echo "$BLENDNET_TEST_BPY"
    exit 0
fi
if [ -n "$has_apt" ]; then
    packages "${libraries[@]}"
fi
if ! python >/dev/null; then
    say "SKIPPED: the tests with the bpy module ($*) need Python 3.11, and this system has none;"
    say "SKIPPED: install one, or set BLENDNET_TEST_BPY to Pythons that can import bpy"
    exit 0
fi
found=()
for version in "$@"; do
    found+=("$(environment bpy "$version")/python")
done
(IFS=:; echo "${found[*]}")
