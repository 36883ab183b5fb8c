package acceptance

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/drilltest"
	"veza.fr/recovery/internal/objectstore/users"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/source"
)

// The pages about who may reach the repository, one after the other, on one production.
func TestRunbook_Keys(t *testing.T) {
	long(t)
	s := newSite(t, "keys")
	for name, page := range map[string]func(*site){"LostDrillHost": (*site).losesItsHost, "Rotate": (*site).rotates} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			page(s)
		})
	}
}

// rotates: the S3 keys are rotated as the page says: no segment waits, the drill stays green, and the old keys are
// refused. With the old ones revoked first, WAL waits, and none of it is lost.
func (s *site) rotates() {
	t := s.t
	t.Helper()
	old := users.Access{
		Key: s.server.Key, Secret: s.server.Secret, ReadKey: s.server.ReadKey, ReadSecret: s.server.ReadSecret,
	}
	s.green(s.users)
	var fresh users.Access
	apply := func() { s.keys(fresh.Key, fresh.Secret, fresh.ReadKey, fresh.ReadSecret) }
	s.follow("rotate-s3-keys.md", hands{
		begin: map[string]func(){
			"1": func() { fresh = s.grant(repositoryPath) },
			"4": s.grows,
			"5": func() { s.revoke(old.Key, old.ReadKey) },
			"6": s.grows,
		},
		apply: func(arguments string) {
			require.Equal(t, "--tags repository", arguments)
			apply()
		},
	})
	s.keys(old.Key, old.Secret, old.ReadKey, old.ReadSecret)
	o := s.drills()
	assert.Equal(t, 1, o.Status)
	assert.Equal(t, reason.RepoDenied, o.Report.Reason, o.Report.Detail)

	// Step 5 first: the keys that everybody has are gone. What is written meanwhile waits.
	s.writeUnarchived()
	o = s.drills()
	assert.Equal(t, reason.RepoDenied, o.Report.Reason, o.Report.Detail)
	apply()
	s.grows()
	s.green(s.users)
	s.server.Key, s.server.Secret = fresh.Key, fresh.Secret
	s.server.ReadKey, s.server.ReadSecret = fresh.ReadKey, fresh.ReadSecret
}

const repositoryPath = "pgbackrest"

// writeUnarchived adds users, and waits until archiving has failed.
func (s *site) writeUnarchived() {
	s.t.Helper()
	ctx := s.t.Context()
	require.NoError(s.t, s.sql(ctx, "postgres",
		`SELECT pg_stat_reset_shared('archiver')`, moreUsers, `SELECT pg_switch_wal()`))
	conn, err := s.connect(ctx, "postgres")
	require.NoError(s.t, err)
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
	drilltest.Eventually(s.t, "archive_command to fail", func() string {
		var failed int
		err := conn.QueryRow(ctx, `SELECT failed_count FROM pg_stat_archiver`).Scan(&failed)
		require.NoError(s.t, err)
		if failed > 0 {
			return ""
		}
		return "not yet"
	})
}

// A new passphrase is that of a new repository beside the old one, which takes its place. Each opens with its own
// alone, and the old one still restores.
func TestRunbook_NewPassphrase(t *testing.T) {
	long(t)
	s := newSite(t, "passphrase")
	usual, err := os.ReadFile(s.conf())
	require.NoError(t, err)
	passphrase := rand.Text() + rand.Text()
	var fresh users.Access
	place := func(repo string, key, secret string) map[string]string {
		return map[string]string{
			repo + "-type": "s3", repo + "-path": "/next",
			repo + "-s3-uri-style": "path", repo + "-s3-key-type": "shared",
			repo + "-s3-bucket": s.server.Bucket, repo + "-s3-region": s.server.Region,
			repo + "-s3-endpoint": s.server.Endpoint, repo + "-storage-port": strconv.Itoa(s.server.Port),
			repo + "-s3-key": key, repo + "-s3-key-secret": secret, repo + "-bundle": "y",
			repo + "-cipher-type": "aes-256-cbc", repo + "-cipher-pass": passphrase, repo + "-retention-full": "4",
			repo + "-retention-diff": "7", repo + "-retention-archive": "4",
		}
	}
	both := func(repo string) {
		node, drill := place(repo, fresh.Key, fresh.Secret), place(repo, fresh.ReadKey, fresh.ReadSecret)
		node[repo+"-storage-ca-file"] = filepath.Join(s.Machine.Dir("etc"), "ca.crt")
		drill[repo+"-storage-ca-file"] = s.file("etc/ca.crt")
		s.setNode(node)
		for option, value := range drill {
			s.set(option, value)
		}
	}
	applied, swapped := 0, 0
	s.follow("new-passphrase.md", hands{
		begin: map[string]func(){"1": func() { fresh = s.grant("next") }, "2": s.grows},
		apply: func(arguments string) {
			require.Empty(t, arguments)
			applied++
			if applied == 1 { // and what the role does then
				both("repo2")
				_, err := s.shell("pgbackrest --stanza=" + stanza + " stanza-create")
				require.NoError(t, err)
				return
			}
			swapped = s.users
			both("repo1")
			s.without("repo2")
			s.grows()
		},
	})
	require.Equal(t, 2, applied)

	s.set("repo1-cipher-pass", "not-the-new-one-but-long-enough")
	o := s.drills()
	assert.Equal(t, reason.WrongCipher, o.Report.Reason, o.Report.Detail)
	require.NoError(t, os.WriteFile(s.conf(), usual, 0o640))
	s.green(swapped)
}

// without takes a repository out of both confs.
func (s *site) without(repo string) {
	s.t.Helper()
	lines := regexp.MustCompile(`(?m)^` + repo + `-.*\n`)
	content, err := s.Machine.Read(s.t.Context(), s.node())
	require.NoError(s.t, err)
	require.NoError(s.t, s.Machine.Put(s.t.Context(), s.node(), lines.ReplaceAll(content, nil), 0o640, ""))
	s.edit(func(conf string) string { return lines.ReplaceAllString(conf, "") })
}

// After the cluster was made anew, as pg_upgrade does it, its WAL waits until the stanza is told; then it is backed up,
// drilled and checked, and a backup of before still restores.
func TestRunbook_MajorUpgrade(t *testing.T) {
	long(t)
	s := newSite(t, "upgrade")
	before, backups := s.users, s.seed.backups
	s.names = map[string]string{"OLD": backups[len(backups)-1].Label, "users": strconv.Itoa(before)}
	s.follow("postgres-major-upgrade.md", hands{
		begin: map[string]func(){"1": s.anew, "3": s.writeUnarchived, "5": s.grows},
		apply: func(arguments string) {
			assert.Contains(t, []string{"--tags repository", "-e pgbackrest_restart_postgres=true"}, arguments)
		},
	})
	assert.NotEqual(t, before, s.users)
}

// anew makes the cluster anew, with other users.
func (s *site) anew() {
	t := s.t
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), seedTime)
	defer cancel()
	auto, err := s.Machine.Read(ctx, filepath.Join(s.data(), "postgresql.auto.conf"))
	require.NoError(t, err)
	require.NoError(t, inOrder(
		func() error { return s.Stop(ctx) },
		func() error { return s.command(ctx, "mv", s.data(), s.data()+".before") },
		func() error {
			return s.command(ctx, filepath.Join(s.BinDir, "initdb"), "--pgdata="+s.data(), "--username=postgres",
				"--auth=trust", "--data-checksums", "--no-sync", "--encoding=UTF8", "--no-locale")
		},
		func() error {
			return s.Machine.Put(ctx, filepath.Join(s.data(), "postgresql.auto.conf"), auto, 0o600, "")
		},
		func() error { return s.Start(ctx) },
	))
	conn, err := s.connect(ctx, "postgres")
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
	require.NoError(t, source.Load(ctx, conn, 700))
}

// losesItsHost: another host that has nothing of the lost one, whose keys are gone, drills and checks.
func (s *site) losesItsHost() {
	t := s.t
	t.Helper()
	var fresh users.Access
	s.follow("lost-drill-host.md", hands{
		begin: map[string]func(){"1": func() {
			s.revoke(s.server.ReadKey)
			fresh = s.grant(repositoryPath)
			o := s.drills()
			assert.Equal(t, reason.RepoDenied, o.Report.Reason, o.Report.Detail)
		}, "2": func() { require.NoError(t, os.RemoveAll(s.out(""))); require.NoError(t, os.Mkdir(s.out(""), 0o755)) }},
		apply: func(arguments string) {
			require.Equal(t, "--limit incus_hosts", arguments)
			s.keys(s.server.Key, s.server.Secret, fresh.ReadKey, fresh.ReadSecret)
		},
	})
	s.server.ReadKey, s.server.ReadSecret = fresh.ReadKey, fresh.ReadSecret
	prom, err := os.ReadFile(s.out("drill.prom"))
	require.NoError(t, err)
	assert.Contains(t, string(prom), `veza_backup_drill_last_success{reason="none",stanza="demo"} 1`)
}

// A page whose commands nobody types here would be found by no test.
func TestRunbooks_AreTyped(t *testing.T) {
	pages, err := filepath.Glob("../../../fixtures/runbooks/*.md")
	require.NoError(t, err)
	for _, page := range pages {
		content, err := os.ReadFile(page)
		require.NoError(t, err)
		typed := strings.Contains(string(content), "`internal/harness/acceptance`")
		typed = typed || strings.Contains(string(content), "`internal/harness/lab/prodtest`")
		assert.Equal(t, typed, strings.Contains(string(content), "```sh on="), page)
	}
}
