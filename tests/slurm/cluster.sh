#!/usr/bin/env bash
# A Slurm cluster of this machine alone, on loopback, for tests:
#
#     tests/slurm/cluster.sh DIR
#
# Prints the path of its slurm.conf when it takes jobs, and ends with its stdin. Ends with 77, and says
# why, where there can be none: it needs root and Debian's munge, slurmctld, slurmd and slurm-client.
set -euo pipefail

# In a session of its own: it ends its daemons even when whoever started it is killed with its group.
[ -n "${SLURM_TEST_SESSION-}" ] || SLURM_TEST_SESSION=1 exec setsid --wait "$0" "$@"

dir=$1
skip() { echo "SKIPPED: no Slurm cluster for tests: $*" >&2; exit 77; }
[ "$(id -u)" -eq 0 ] || skip "this is not root"
for program in munged slurmctld slurmd sbatch sinfo; do
    command -v "$program" >/dev/null || skip "$program is not installed (scripts/setup.sh installs it, for root)"
done

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

mkdir -p "$dir/state" "$dir/spool"
dd if=/dev/urandom of="$dir/munge.key" bs=64 count=1 status=none
chmod 0400 "$dir/munge.key"
cat > "$dir/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket
CredType=cred/munge
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,batch_sched_delay=0
ReturnToService=2
MpiDefault=none
KillWait=10
NodeName=node1 NodeHostname=localhost NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=first Nodes=node1 MaxTime=INFINITE State=UP OverSubscribe=FORCE:16
PartitionName=all Nodes=node1 Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:16
CONF
export SLURM_CONF=$dir/slurm.conf

started=()
tidy() {
    scancel --user=root >/dev/null 2>&1 || true
    for _ in $(seq 100); do
        [ -n "$(squeue --noheader 2>/dev/null)" ] || break
        sleep 0.1
    done
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
}
trap tidy EXIT

munged --foreground --force --key-file="$dir/munge.key" --socket="$dir/munge.socket" \
    --pid-file="$dir/munged.pid" --log-file="$dir/munged.log" --seed-file="$dir/munged.seed" \
    < /dev/null >/dev/null 2>&1 &
started+=($!)
for _ in $(seq 100); do
    [ ! -S "$dir/munge.socket" ] || break
    sleep 0.1
done
slurmctld -D -c < /dev/null >/dev/null 2>&1 &
started+=($!)
slurmd -D -N node1 < /dev/null >/dev/null 2>&1 &
started+=($!)
for _ in $(seq 300); do
    [ "$(sinfo --noheader --partition=all --format=%T 2>/dev/null)" != idle ] || break
    sleep 0.1
done
if [ "$(sinfo --noheader --partition=all --format=%T 2>/dev/null)" != idle ]; then
    tail -n 20 "$dir"/*.log >&2
    exit 1
fi
echo "$SLURM_CONF"
cat >/dev/null
