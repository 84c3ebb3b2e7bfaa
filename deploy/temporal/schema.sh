#!/bin/sh
# Brings the schemas of Temporal's two databases up to this version of the server.
# Run again, it changes nothing. deploy/postgres/databases.sh has made the databases.
set -eu

schemas=${SCHEMAS:-/etc/temporal/schema/postgresql/v12}

# schema HOST PORT USER PASSWORD DATABASE FOLDER
schema() {
  tool() {
    SQL_PASSWORD=$password temporal-sql-tool --plugin postgres12 --ep "$host" --port "$port" --user "$user" --db "$database" "$@"
  }
  host=$1 port=$2 user=$3 password=$4 database=$5
  tool setup-schema -v 0.0
  tool update-schema -d "$schemas/$6/versioned"
}

schema "$POSTGRES_SEEDS" "$DB_PORT" "$POSTGRES_USER" "$POSTGRES_PWD" "$DBNAME" temporal
schema "$VISIBILITY_POSTGRES_SEEDS" "$VISIBILITY_DB_PORT" "$VISIBILITY_POSTGRES_USER" "$VISIBILITY_POSTGRES_PWD" "$VISIBILITY_DBNAME" visibility
