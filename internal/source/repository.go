package source

import (
	"context"
	"crypto/rand"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/wait"
)

// archiveTime bounds the wait for one segment to be archived.
const archiveTime = time.Minute

// configure writes pgbackrest.conf, the only place of the secrets, with the settings production has (mission, Backups).
func (s *Seeded) configure(ctx context.Context) error {
	s.passphrase = rand.Text() + rand.Text()
	if s.Store != nil {
		if err := s.Machine.Put(ctx, s.ca(), s.Store.CA, 0o644, ""); err != nil {
			return err
		}
	}
	return s.Machine.Put(ctx, s.conf(), []byte(s.render(false)), confMode, "")
}

// confMode is that of pgbackrest.conf, as the role has it.
const confMode = 0o640

// repository is what the drill gets: a conf that only reads, where the store has keys for that.
func (s *Seeded) repository(ctx context.Context) (Repository, error) {
	r := Repository{Conf: s.conf(), Content: []byte(s.render(true)), Mode: confMode, Stanza: s.stanza()}
	if s.Store != nil {
		r.Files = map[string][]byte{s.ca(): s.Store.CA}
	}
	said, err := s.run(ctx, "stat", "--format=%U", s.conf())
	r.Owner = strings.TrimSpace(string(said.Stdout))
	return r, err
}

// render is the content of pgbackrest.conf, for the node or for whoever only reads.
func (s *Seeded) render(reads bool) string {
	var b strings.Builder
	section := func(name string, options ...string) {
		fmt.Fprintf(&b, "[%s]\n%s\n\n", name, strings.Join(s.chosen(options), "\n"))
	}
	global := append(s.location(reads),
		"repo1-cipher-type=aes-256-cbc", "repo1-cipher-pass="+s.passphrase,
		"repo1-bundle=y",
		"repo1-retention-full=4", "repo1-retention-diff=7", "repo1-retention-archive=4",
		"compress-type=zst", "compress-level=3",
		fmt.Sprintf("process-max=%d", min(runtime.NumCPU(), 4)),
		"start-fast=y",
		"archive-async=n", // a hole then counts at once
		"log-level-file=info", "log-level-console=warn", "log-level-stderr=error",
		"log-path="+s.Machine.Dir("log"), "lock-path="+s.Machine.Dir("lock"), "spool-path="+s.Machine.Dir("spool"))
	section("global", append(global, s.added(global)...)...)
	section(s.stanza(), "pg1-path="+s.data(), "pg1-socket-path="+s.Machine.Dir("run"), fmt.Sprintf("pg1-port=%d", port),
		"pg1-user="+superuser)
	return b.String()
}

// chosen are options of one section, with those of Options in their place.
func (s *Seeded) chosen(options []string) []string {
	var list []string
	for _, option := range options {
		name, _, _ := strings.Cut(option, "=")
		for _, other := range s.Options {
			if of, _, _ := strings.Cut(other, "="); of == name {
				option = other
			}
		}
		if strings.Contains(option, "=") {
			list = append(list, option)
		}
	}
	return list
}

// added are those of Options that a repository usually has not.
func (s *Seeded) added(usual []string) (list []string) {
	for _, option := range s.Options {
		name, _, _ := strings.Cut(option, "=")
		has := func(other string) bool { return strings.HasPrefix(other, name+"=") }
		if strings.HasPrefix(name, "repo1-") && !slices.ContainsFunc(usual, has) {
			list = append(list, option)
		}
	}
	return list
}

// location says where the repository is, and who uses it.
func (s *Seeded) location(reads bool) []string {
	if s.Store == nil {
		return []string{"repo1-type=posix", "repo1-path=" + s.posix()}
	}
	key, secret := s.Store.Key, s.Store.Secret
	if reads && s.Store.ReadKey != "" {
		key, secret = s.Store.ReadKey, s.Store.ReadSecret
	}
	return []string{
		"repo1-type=s3", "repo1-path=/pgbackrest",
		"repo1-s3-uri-style=path", "repo1-s3-key-type=shared",
		"repo1-s3-bucket=" + s.Store.Bucket, "repo1-s3-region=" + s.Store.Region,
		"repo1-s3-endpoint=" + s.Store.Endpoint,
		fmt.Sprintf("repo1-storage-port=%d", s.Store.Port), "repo1-storage-ca-file=" + s.ca(),
		"repo1-s3-key=" + key, "repo1-s3-key-secret=" + secret,
	}
}

// createStanza makes the stanza and only then sets archive_command, so that no
// segment is refused. It is set as the role sets it, by ALTER SYSTEM: it comes
// back with every restore, and the drill must see to it that it does not archive.
func (s *Seeded) createStanza(ctx context.Context) error {
	if err := s.Pgbackrest(ctx, "stanza-create"); err != nil {
		return err
	}
	conn, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
	return Each(ctx, conn, []string{
		fmt.Sprintf(`ALTER SYSTEM SET archive_command = 'pgbackrest --config=%s --stanza=%s archive-push %%p'`,
			s.conf(), s.stanza()),
		`SELECT pg_reload_conf()`,
	})
}

// Pgbackrest runs a pgbackrest command on the seeded stanza.
func (s *Seeded) Pgbackrest(ctx context.Context, args ...string) error {
	_, err := s.Ask(ctx, args...)
	return err
}

// Ask is Pgbackrest for commands whose standard output is the answer.
func (s *Seeded) Ask(ctx context.Context, args ...string) ([]byte, error) {
	result, err := s.run(ctx, s.pgbackrest(args...)...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", args[0], err)
	}
	return result.Stdout, nil
}

// pgbackrest is a pgbackrest command on the seeded stanza.
func (s *Seeded) pgbackrest(args ...string) []string {
	return append([]string{"pgbackrest", "--config=" + s.conf(), "--stanza=" + s.stanza()}, args...)
}

// Archive switches to a new segment and waits until the one before is in the archive.
func (s *Seeded) Archive(ctx context.Context) error {
	conn, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
	return Archive(ctx, conn)
}

// Archive is that of a cluster somebody has a session in.
func Archive(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, archiveTime)
	defer cancel()
	var segment string
	if err := conn.QueryRow(ctx, `SELECT pg_walfile_name(pg_current_wal_insert_lsn())`).Scan(&segment); err != nil {
		return fmt.Errorf("current segment: %w", err)
	}
	if _, err := conn.Exec(ctx, `SELECT pg_switch_wal()`); err != nil {
		return fmt.Errorf("switch segment: %w", err)
	}
	return wait.For(ctx, "segment "+segment+" to be archived", 20*time.Millisecond, func(ctx context.Context) error {
		var done bool
		var last, failure string
		if err := conn.QueryRow(ctx, `SELECT coalesce(left(last_archived_wal, 24) >= $1, false),
			coalesce(last_archived_wal, 'none'), coalesce(last_failed_wal, 'none')
			FROM pg_stat_archiver`, segment).Scan(&done, &last, &failure); err != nil {
			return wait.Stop(err)
		}
		if !done {
			return fmt.Errorf("last archived: %s, last failed: %s", last, failure)
		}
		return nil
	})
}
