# shellcheck shell=sh
# seed DIRECTORY: a repository with one backup and an archive, and its pgbackrest.conf, made with what
# this machine has.
set -eu
dir=$1
bin=$(echo /usr/lib/postgresql/*/bin)
data=/tmp/data
cat >"$dir/pgbackrest.conf" <<END
[global]
repo1-path=$dir/repo
repo1-retention-full=2
lock-path=/tmp/lock
log-level-file=off
[demo]
pg1-path=$data
pg1-socket-path=/tmp
END
backrest() { pgbackrest --config="$dir/pgbackrest.conf" --stanza=demo "$@"; }
run() { "$bin/psql" --no-psqlrc --quiet --host=/tmp --dbname=postgres --command="$1"; }

"$bin/initdb" --no-sync --auth=trust --pgdata=$data >/dev/null
cat >>$data/postgresql.conf <<END
listen_addresses = ''
unix_socket_directories = '/tmp'
archive_mode = on
archive_command = 'pgbackrest --config=$dir/pgbackrest.conf --stanza=demo archive-push %p'
END
"$bin/pg_ctl" start --silent --wait --pgdata=$data --log=/tmp/log
backrest stanza-create
run 'CREATE TABLE users AS SELECT i AS id FROM generate_series(1, 1000) i'
backrest backup --type=full
run 'INSERT INTO users SELECT generate_series(1001, 2000)'
backrest check
"$bin/pg_ctl" stop --silent --mode=fast --pgdata=$data
chmod -R a+rX "$dir/repo"
