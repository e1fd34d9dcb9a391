#!/usr/bin/env bash
# Makes two hosts of one machine: network namespaces that a virtual cable joins. Needs root.
#
#   tests/distributed/hosts/up.sh
#   UCX_TLS=tcp,self BRAINTAPE_MPIEXEC="$(tests/distributed/hosts/up.sh)" \
#     deno test -A tests/distributed
#
# Prints the launcher for BRAINTAPE_MPIEXEC, with MPICH's options.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
for i in 0 1; do
  ip netns list | grep -q "^braintape$i\b" || ip netns add "braintape$i"
done
ip -n braintape0 link show cable0 >/dev/null 2>&1 ||
  ip link add cable0 netns braintape0 type veth peer name cable1 netns braintape1
for i in 0 1; do
  ip -n "braintape$i" addr replace "10.77.0.$((i + 1))/24" dev "cable$i"
  ip -n "braintape$i" link set "cable$i" up
  ip -n "braintape$i" link set lo up
done
echo "$here/mpiexec"
