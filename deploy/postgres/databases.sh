#!/bin/sh
# Makes the databases, each with a user of its own who alone may enter. PostgreSQL's
# image runs it at the first start. For a managed PostgreSQL run it once by hand, with
# PGHOST and PGPASSWORD, as a user who may make databases. What is there stays.
set -eu

# database NAME VARIABLE: the variable has the password of the user NAME.
database() {
  psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="${POSTGRES_USER:-postgres}" --dbname=postgres --set=name="$1" --set=variable="$2" <<'SQL'
\getenv password :variable
SELECT format('CREATE ROLE %I LOGIN PASSWORD %L', :'name', :'password')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \gexec
SELECT format('CREATE DATABASE %I OWNER %I ENCODING ''UTF8'' TEMPLATE template0', :'name', :'name')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
}

database temporal TEMPORAL_DB_PASSWORD
database temporal_visibility TEMPORAL_VISIBILITY_DB_PASSWORD
database shop SHOP_DB_PASSWORD
database crm CRM_DB_PASSWORD
database mes MES_DB_PASSWORD
