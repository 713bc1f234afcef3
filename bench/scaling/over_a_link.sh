#!/bin/bash
# Two processes of an MPI program at the ends of a link of a chosen speed: what docs/scaling.md measures.
#
#   sudo bench/scaling/over_a_link.sh RATE PROGRAM [ARGUMENTS]      RATE: none, or as tc takes it (1gbit, 300mbit)
# Two network namespaces joined by a veth pair, each direction limited by tbf; taken down at the end. MPIRUN_FLAGS adds to mpirun's.
# Needs Open MPI, iproute2, and a root who may make namespaces.
set -euo pipefail
if [ "${1-}" = --as-ssh ]; then  # mpirun's way to the second host: [FLAGS] HOST COMMAND
  shift
  while [[ $1 == -* ]]; do shift; done
  shift
  exec ip netns exec spankey_b unshare --uts bash -c "hostname spankey-b; $*"
fi
[ $# -ge 2 ] || { sed -n 4p "$0" >&2; exit 2; }
rate=$1
shift
down() { for end in a b; do ip netns del spankey_$end 2>/dev/null || true; done; }
down
trap down EXIT
for end in a b; do ip netns add spankey_$end; done
ip link add veth_a netns spankey_a type veth peer name veth_b netns spankey_b
number=0
for end in a b; do
  number=$((number + 1))
  ip -n spankey_$end addr add 10.9.0.$number/24 dev veth_$end
  ip -n spankey_$end link set lo up
  ip -n spankey_$end link set veth_$end up
  # A burst is what a tick of the kernel's clock lets through, and more: 10gbit needs 2 MB.
  [ "$rate" = none ] || ip netns exec spankey_$end tc qdisc add dev veth_$end root tbf rate "$rate" burst "${BURST:-256kb}" latency 50ms
done
flags="--allow-run-as-root --quiet --bind-to none --map-by node -n 2 -H 10.9.0.1:1,10.9.0.2:1 --mca btl tcp,self --mca pml ob1
  --mca btl_tcp_if_include 10.9.0.0/24 --mca oob_tcp_if_include 10.9.0.0/24 ${MPIRUN_FLAGS-}"
agent="$(realpath "$0") --as-ssh"
ip netns exec spankey_a unshare --uts bash -c 'hostname spankey-a; exec mpirun --mca plm_rsh_agent "$0" "$@"' "$agent" $flags "$@"
