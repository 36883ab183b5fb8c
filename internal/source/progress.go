package source

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"regexp"
	"strconv"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/host"
)

// Told hears how far a backup is, in bytes of the cluster.
type Told func(what string, done, total int64)

// backup takes a backup and tells how far it is.
func (s *Seeded) backup(ctx context.Context, conn *pgx.Conn, kind string) error {
	command := host.Command{Argv: s.pgbackrest("backup", "--type="+kind)}
	if s.Told != nil {
		const sum = "SELECT sum(pg_catalog.pg_database_size(oid))::bigint FROM pg_catalog.pg_database"
		var size int64
		if err := conn.QueryRow(ctx, sum).Scan(&size); err != nil {
			return err
		}
		command.Argv = append(command.Argv, "--log-level-console=detail") // a line for each file, with the share so far
		command.Stdout = onPercent(func(percent float64) {
			s.Told(kind+" backup", int64(float64(size)*percent/100), size)
		})
	}
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	if _, err := s.Machine.Run(ctx, command); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}

// fileLine is a line of pgBackRest's on a file it has backed up: "(16KB, 2.32%)", with the bundle
// before it where there is one.
var fileLine = regexp.MustCompile(`\bDETAIL: backup file .*[(,] ?[0-9.]+[KMGT]?B, ([0-9]{1,3}\.[0-9]+)%\)`)

// onPercent is a writer of pgBackRest's log that hears the share of every line that names one.
func onPercent(told func(float64)) io.Writer { return &percents{told: told} }

type percents struct {
	told func(float64)
	line []byte // the beginning of a line whose end has not come
}

// longestLine bounds what is kept of a line, in bytes.
const longestLine = 16 << 10

func (p *percents) Write(text []byte) (int, error) {
	for rest := text; len(rest) > 0; {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		if room := longestLine - len(p.line); room > 0 {
			p.line = append(p.line, line[:min(len(line), room)]...)
		}
		if whole {
			if found := fileLine.FindSubmatch(p.line); found != nil {
				if percent, err := strconv.ParseFloat(string(found[1]), 64); err == nil && percent <= 100 {
					p.told(percent)
				}
			}
			p.line = p.line[:0]
		}
		rest = after
	}
	return len(text), nil
}
