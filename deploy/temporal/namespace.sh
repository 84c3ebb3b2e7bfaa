#!/bin/sh
# Makes the namespace of the orders with its retention and our search attributes. Run
# again, it changes nothing but the retention.
set -eu

if temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
  temporal operator namespace update --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
else
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
fi

# attribute NAME TYPE. A new namespace is known to all of the server within seconds.
attribute() {
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
    temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --name "$1" --type "$2" && return
    sleep 2
  done
  return 1
}
attribute OrderTraceID Keyword
attribute OrderWaiting Keyword
attribute OrderOverdue Bool
