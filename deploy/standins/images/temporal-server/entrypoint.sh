#!/bin/sh
# Like the official image's: binds the container's own address, unless BIND_ON_IP is
# set; who binds all of them must still tell the others one.
set -eu
own=$(getent hosts "$(hostname)" | cut -d' ' -f1)
export BIND_ON_IP="${BIND_ON_IP:-$own}"
case "$BIND_ON_IP" in 0.0.0.0 | ::0) export TEMPORAL_BROADCAST_ADDRESS="${TEMPORAL_BROADCAST_ADDRESS:-$own}" ;; esac
exec temporal-server start
