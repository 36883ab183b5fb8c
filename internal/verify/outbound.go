package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// OutboundObjects names what is in the data and would reach out on the machine it came from: enabled
// subscriptions, and the jobs of pg_cron (cron says that the cluster preloaded it, without
// which it has none). None of it runs in a sandbox. Commands and connection strings hold
// secrets and are not looked at. What the server refuses to tell is a note as well; an
// error means that the session broke.
func OutboundObjects(ctx context.Context, conn *pgx.Conn, connect Connect, cron bool) (notes []string, err error) {
	subscriptions, err := texts(ctx, conn, `SELECT format('%s in database %s', s.subname, d.datname)
		FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid
		WHERE s.subenabled ORDER BY 1`)
	switch {
	case serverRefused(err):
		notes = append(notes, fmt.Sprintf("whether there are subscriptions in the data is not known: %v", err))
	case err != nil:
		return nil, err
	case len(subscriptions) > 0:
		notes = append(notes,
			fmt.Sprintf("%s in the data, enabled, and not run here: %s", counted(len(subscriptions), "subscription"),
				strings.Join(subscriptions, ", ")))
	}
	if !cron {
		return notes, nil
	}
	databases, err := Databases(ctx, connect)
	for _, database := range databases {
		n, asked := cronJobs(ctx, connect, database)
		switch {
		case serverRefused(asked):
			notes = append(notes,
				fmt.Sprintf("whether pg_cron has jobs in database %s is not known: %v", database, asked))
		case asked != nil:
			return notes, asked
		case n > 0:
			notes = append(notes,
				fmt.Sprintf("%s of pg_cron in database %s, active, and not run here", counted(n, "job"), database))
		}
	}
	if serverRefused(err) {
		err = nil
	}
	return notes, err
}

// cronJobs counts the active jobs of pg_cron in a database.
func cronJobs(ctx context.Context, connect Connect, database string) (n int, err error) {
	conn, err := connect.open(ctx, database)
	if err != nil {
		return 0, err
	}
	defer closeConn(ctx, conn)
	var exists bool
	if err = conn.QueryRow(ctx, "SELECT to_regclass('cron.job') IS NOT NULL").Scan(&exists); err == nil && exists {
		err = conn.QueryRow(ctx, "SELECT count(*) FROM cron.job WHERE active").Scan(&n)
	}
	return n, err
}

// serverRefused says whether the server answered with an error, and is still up.
func serverRefused(err error) bool {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	return ok && !stoppedFromOutside(answer)
}

// counted is "1 job", "2 jobs".
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
