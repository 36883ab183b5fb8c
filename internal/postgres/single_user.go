package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"veza.fr/recovery/internal/host"
)

const singleUserTime = 2 * time.Minute

// openUp is the last way into a cluster where no superuser may log in, or every database is closed: the server is
// stopped, a server without a network or a second session gives the superuser with OID 10 its rights back and
// opens one database, and the server starts again. Recovery is over by then. What only the first session
// after it knew is lost: see Opened.
func (s *Server) openUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, singleUserTime)
	defer cancel()
	databases, err := s.databases(ctx)
	if err != nil {
		return err
	}
	log, err := s.ReadLog(ctx)
	if err != nil {
		return err
	}
	if err = s.Stop(ctx); err != nil {
		return err
	}
	for _, database := range distinct(slices.Concat(usualDatabases, databases)) {
		if strings.HasPrefix(database, "-") { // it would be taken for an option
			continue
		}
		argv := []string{s.Installation.Program("postgres"), "--single", "-D", s.Data}
		for _, setting := range s.settings(s.control, s.Preloaded) {
			argv = append(argv, "-c", setting)
		}
		said, failed := s.Host.Run(ctx, host.Command{
			Argv: append(argv, database), Env: s.Env, Stdin: strings.NewReader(openingStatements),
		})
		if err = failed; err == nil {
			break
		}
		err = fmt.Errorf("single-user mode in database %q: %w: %s", database, err, cutLine(string(said.Stderr)))
		if ctx.Err() != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	s.Opened = &log
	return s.launch(ctx)
}

// openingStatements are one a line, as single-user mode wants them. No name stands in them: it is the
// data's, and a line break in it would begin a statement.
const openingStatements = "UPDATE pg_catalog.pg_authid SET rolsuper = true, rolcanlogin = true, rolconnlimit = -1 " +
	"WHERE oid = 10\n" +
	"UPDATE pg_catalog.pg_database SET datallowconn = true WHERE datname = pg_catalog.current_database()\n"
