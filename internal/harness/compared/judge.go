package compared

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"veza.fr/recovery/internal/harness/damage"
)

// Judge backs up a production of some gigabytes at work with one thing wrong at a time, and returns how many of these
// the drill told as something else than what they are.
func Judge(ctx context.Context, o Options, gigabytes float64) (wrong int, err error) {
	const least = 0.25 // the row whose bit is flipped is there
	if gigabytes < least {
		return 0, fmt.Errorf("a production of %g GB has not the row that is damaged: judge %g GB or more", gigabytes,
			least)
	}
	err = within(ctx, o, func(c *cluster) error {
		if failed := c.enlarge(ctx, gigabytes); failed != nil {
			return failed
		}
		work := c.start(ctx)
		defer func() { work.stop() }()
		for i, in := range injuries {
			told, failed := c.judge(ctx, o, i, in)
			if failed != nil {
				return fmt.Errorf("%s: %w", in.name, failed)
			}
			if !told {
				wrong++
			}
		}
		return context.Cause(ctx)
	})
	return wrong, err
}

// enlarge makes the production that is damaged, and its standby. No page may tell by its checksum that it was changed.
func (c *cluster) enlarge(ctx context.Context, gigabytes float64) error {
	const rowsOfAGigabyte = 3_100_000
	kept := append([]string{}, keptTables...)
	kept[1] = fmt.Sprintf(kept[1], int(gigabytes*rowsOfAGigabyte))
	begun := time.Now()
	stages := []func() error{
		func() error { return c.ctl(ctx, c.data(), "stop", "-m", "fast") }, // the heartbeat goes on
		func() error {
			return c.run(ctx, filepath.Join(c.BinDir, "pg_checksums"), "--disable", "--no-sync", "-D", c.data())
		},
		func() error { return c.Start(ctx) },
		func() error {
			return c.sql(ctx, "postgres", append(tables, `CREATE DATABASE kept`, `CREATE DATABASE second`,
				`CREATE DATABASE third`, `CREATE DATABASE fourth`)...)
		},
		func() error { return c.sql(ctx, "kept", kept...) },
	}
	for _, database := range []string{"second", "third", "fourth"} {
		stages = append(stages, func() error {
			return c.sql(ctx, database, `CREATE TABLE vanished (id int)`, `INSERT INTO vanished VALUES (1)`,
				`VACUUM FREEZE`)
		})
	}
	err := inOrder(append(stages,
		func() error { return c.sql(ctx, "postgres", `CHECKPOINT`) },
		func() error { return c.Pgbackrest(ctx, "backup", "--type=full") },
		func() error { return c.Follow(ctx) },
	)...)
	c.say("    a production of %.1f GB with a standby, made in %s", gigabytes, time.Since(begun).Round(time.Second))
	return err
}

// judge takes a backup with one thing wrong and drills it, and says whether it was told as what it is. What is damaged
// is mended before the drill.
func (c *cluster) judge(ctx context.Context, o Options, number int, in injury) (right bool, err error) {
	path, err := c.file(ctx, in.relation)
	if err != nil {
		return false, err
	}
	mend, err := damage.File(path, in.how)
	if err != nil {
		return false, err
	}
	err = c.Pgbackrest(ctx, "backup", "--type=incr", "--no-expire-auto")
	if err = errors.Join(err, mend()); err != nil {
		return false, err
	}
	deep := in.deep
	if deep == "" {
		deep = "none"
	}
	left, err := c.drill(ctx, o, fmt.Sprintf("j%d", number), "-deep", deep, "-compare", "standby", "-standby", c.way())
	if err != nil {
		return false, err
	}
	told := left.Report.Detail + "\n" + strings.Join(left.Report.Notes, "\n")
	right = left.Report.Reason == in.why
	for _, word := range in.words {
		right = right && strings.Contains(told, word)
	}
	if in.row != "" {
		right = right && c.holds(ctx, in.row, told)
	}
	c.say("%-40s exit %d %-14s %5.1f s  %s", in.name, left.Status, left.Report.Reason, left.Took.Seconds(),
		left.verdict(right, in))
	return right, nil
}

// holds says whether a range of blocks was named that has the row. A range without an end goes to the table's.
func (c *cluster) holds(ctx context.Context, row, told string) bool {
	conn, err := c.ConnectTo(ctx, "kept")
	if err != nil {
		return false
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
	var block, first, last int
	if err = conn.QueryRow(ctx, row).Scan(&block); err != nil {
		return false
	}
	_, where, found := strings.Cut(told, "blocks ")
	if n, _ := fmt.Sscanf(where, "%d to %d", &first, &last); !found || n != 2 {
		return false
	}
	c.say("    the row is in block %d", block)
	return first <= block && block <= last
}

// verdict is what the drill said, beside what was expected when it was something else.
func (o outcome) verdict(right bool, in injury) string {
	if right {
		return cmp.Or(o.Report.Detail, o.noted("the same as"))
	}
	return fmt.Sprintf("WRONG: %s; expected %s with %q", o.Report.Detail, in.why, in.words)
}

// file is the file of a relation, which is named DATABASE.RELATION.
func (c *cluster) file(ctx context.Context, name string) (string, error) {
	database, relation, _ := strings.Cut(name, ".")
	conn, err := c.ConnectTo(ctx, database)
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
	return damage.Path(ctx, conn, c.data(), relation)
}
