#!/bin/bash
# What docker-compose.yml uses of the official image's entry point: a first start makes
# the cluster, its superuser with POSTGRES_PASSWORD, and whatever
# /docker-entrypoint-initdb.d says, while nobody outside can connect.
set -euo pipefail

[ "${1:0:1}" != - ] || set -- postgres "$@"
[ "$1" = postgres ] || exec "$@"

if [ "$(id -u)" = 0 ]; then
  install -d -o postgres -g postgres -m 700 "$PGDATA"
  chown -R postgres:postgres "$PGDATA" /var/run/postgresql
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  : "${POSTGRES_PASSWORD:?the superuser needs a password}" "${POSTGRES_USER:=postgres}" "${POSTGRES_DB:=$POSTGRES_USER}"
  export POSTGRES_USER POSTGRES_DB PGPASSWORD="$POSTGRES_PASSWORD"
  initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD")
  printf 'host all all all %s\n' "$(postgres -C password_encryption "${@:2}")" >>"$PGDATA/pg_hba.conf"
  pg_ctl --pgdata="$PGDATA" --wait --options="$(printf '%q ' "${@:2}" -c listen_addresses=)" start
  psql=(psql --set=ON_ERROR_STOP=1 --no-psqlrc --username="$POSTGRES_USER")
  [ "$POSTGRES_DB" = postgres ] || "${psql[@]}" --dbname=postgres --command="CREATE DATABASE \"$POSTGRES_DB\""
  for file in /docker-entrypoint-initdb.d/*; do
    case "$file" in
    *.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
    *.sql) "${psql[@]}" --dbname="$POSTGRES_DB" --file="$file" ;;
    esac
  done
  pg_ctl --pgdata="$PGDATA" --wait --mode=fast stop
  unset PGPASSWORD
fi
exec "$@"
