#!/bin/sh
# Makes a bare Debian machine a BlendNet agent. It may be run again.
# The addresses below are good for a short time only; nothing else here is secret.
set -eu
umask 022

stage() { echo "blendnet: $1 ($(cut -d ' ' -f 1 /proc/uptime) s after boot)"; }

has_systemd() { [ -d /run/systemd/system ]; }

# A machine that can't become an agent must not go on costing money.
give_up() {
    stage "could not become an agent; the machine ends"
    if has_systemd; then systemctl poweroff --no-block; fi
}
trap 'code=$?; [ "$code" -eq 0 ] || give_up; exit "$code"' EXIT

# The last resort, whatever becomes of the manager and the agent.
if has_systemd; then shutdown -P "+$life_minutes" "The time of this machine is over" || true; fi

install_packages() {
    missing=""
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
    done
    [ -z "$missing" ] && return 0
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 update
    # shellcheck disable=SC2086
    apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 install -y --no-install-recommends $missing >/dev/null
}

# fetch PATH MODE SHA256 OWNER: the address comes on stdin, so that it is in nobody's list of processes.
fetch() {
    { printf 'url = "'; tr -d '\n'; printf '"\n'; } |
        curl --config - --fail --silent --show-error --location --retry 8 --retry-connrefused --output "$1.part"
    echo "$3  $1.part" | sha256sum --check --quiet
    chmod "$2" "$1.part"
    chown "$4" "$1.part"
    mv "$1.part" "$1"
}

stage "packages"
install_packages ca-certificates curl util-linux

stage "agent"
id blendnet >/dev/null 2>&1 ||
    useradd --system --user-group --home-dir "$home" --shell /usr/sbin/nologin blendnet
install -d -m 0755 "$program_dir"
install -d -m 0700 -o blendnet -g blendnet "$home"
fetch_all

stage "Blender"
install_blender

stage "start"
if has_systemd; then
    write_unit >/etc/systemd/system/blendnet-agent.service
    systemctl daemon-reload
    systemctl start blendnet-agent.service
else
    # No init system: a container or a chroot. Its owner ends it.
    cd "$home"
    # shellcheck disable=SC2086
    setsid setpriv --reuid blendnet --regid blendnet --clear-groups --no-new-privs --bounding-set=-all \
        --inh-caps=-all env -i HOME="$home" PATH=/usr/bin:/bin "$program_dir/blendnet-agent" $agent_arguments \
        >"$home/agent.out" 2>"$home/agent.log" </dev/null &
fi
stage "the agent is started"
