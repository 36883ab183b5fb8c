package verify_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/verify"
	"veza.fr/recovery/internal/wait"
)

// noReplication keeps a cluster from following another one.
const noReplication = "max_logical_replication_workers=0"

// isolation is what CloneIsolated says of a cluster.
func isolation(t *testing.T, c *cluster, preload ...string) ([]string, error) {
	t.Helper()
	conn, err := c.connect(t.Context(), "postgres")
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	return verify.CloneIsolated(t.Context(), conn, verify.Libraries{Preload: preload}, false)
}

// breached asserts that it is a finding that names the setting or process.
func breached(t *testing.T, err error, names string) {
	t.Helper()
	require.Error(t, err)
	why, _ := reason.Of(err)
	assert.Equal(t, reason.IsolationBreached, why)
	assert.ErrorContains(t, err, names)
}

// Each setting that would let the clone out is found by itself.
func TestCloneIsolated_Settings(t *testing.T) {
	if testing.Short() {
		t.Skip("-short leaves out what needs a real PostgreSQL")
	}
	c := startCluster(t, noReplication, "synchronous_commit=local") // so that no standby is waited for
	notes, err := isolation(t, c)
	require.NoError(t, err)
	assert.Empty(t, notes)
	for setting, value := range map[string]string{
		"archive_command": "true", "archive_library": "basic_archive", "primary_conninfo": "host=192.0.2.1",
		"primary_slot_name":         "standby",
		"synchronous_standby_names": "somebody",
	} {
		t.Run(setting, func(t *testing.T) {
			c.alter(t, fmt.Sprintf("SET %s = '%s'", setting, value), setting, value)
			_, err = isolation(t, c)
			breached(t, err, fmt.Sprintf("%s is %q", setting, value))
			c.alter(t, "RESET "+setting, setting, "")
		})
	}
	_, err = isolation(t, c)
	require.NoError(t, err)
}

// alter changes a setting, and waits until new sessions have it.
func (c *cluster) alter(t *testing.T, change, setting, value string) {
	t.Helper()
	c.exec(t, "postgres", "ALTER SYSTEM "+change, "SELECT pg_reload_conf()")
	require.NoError(t,
		c.eventually(t, fmt.Sprintf("SELECT reset_val = '%s' FROM pg_settings WHERE name = '%s'", value, setting)))
}

// eventually waits until a query says true in a session of its own.
func (c *cluster) eventually(t *testing.T, query string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	return wait.For(ctx, query, 20*time.Millisecond, func(ctx context.Context) error {
		conn, err := c.connect(ctx, "postgres")
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(ctx) }()
		var so bool
		if err := conn.QueryRow(ctx, query).Scan(&so); err != nil || !so {
			return errors.Join(errors.New("not yet"), err)
		}
		return nil
	})
}

// So is what only a restart brings about.
func TestCloneIsolated_SettingsOfTheStart(t *testing.T) {
	if testing.Short() {
		t.Skip("-short leaves out what needs a real PostgreSQL")
	}
	for _, c := range []struct{ name, setting, says string }{
		{"archives", "archive_mode=on", `archive_mode is "on"`},
		{"listens", "listen_addresses=127.0.0.99", `listen_addresses is "127.0.0.99"`},
		{"follows", "max_logical_replication_workers=4", `max_logical_replication_workers is "4"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := isolation(t, startCluster(t, noReplication, c.setting))
			breached(t, err, c.says)
		})
	}
}

// Only the libraries that were chosen are loaded, and no process runs that sends or fetches data.
func TestCloneIsolated_Libraries(t *testing.T) {
	if testing.Short() {
		t.Skip("-short leaves out what needs a real PostgreSQL")
	}
	c := startCluster(t, noReplication, "shared_preload_libraries=pg_prewarm")
	_, err := isolation(t, c)
	breached(t, err, `shared_preload_libraries is "pg_prewarm"`)
	_, err = isolation(t, c, "pg_prewarm", "auto_explain")
	breached(t, err, `not "pg_prewarm,auto_explain"`)
	notes, err := isolation(t, c, "pg_prewarm")
	require.NoError(t, err)
	assert.Empty(t, notes)

	sender, err := pgconn.Connect(t.Context(), "host="+c.Dir+" user=boss replication=true")
	require.NoError(t, err)
	defer func() { _ = sender.Close(t.Context()) }()
	_, err = isolation(t, c, "pg_prewarm")
	breached(t, err, `"walsender"`)
}

// What would reach out is named, and so is what the server refuses to tell.
func TestOutboundObjects(t *testing.T) {
	if testing.Short() {
		t.Skip("-short leaves out what needs a real PostgreSQL")
	}
	c := startCluster(t, noReplication)
	outbound := func(cron bool) []string {
		conn, err := c.connect(t.Context(), "postgres")
		require.NoError(t, err)
		defer func() { _ = conn.Close(t.Context()) }()
		notes, err := verify.OutboundObjects(t.Context(), conn, c.connect, cron)
		require.NoError(t, err)
		return notes
	}
	assert.Empty(t, outbound(true))
	c.exec(t, "postgres",
		"CREATE SUBSCRIPTION far CONNECTION 'host=192.0.2.1 password=secretsecret' PUBLICATION p WITH (connect = "+
			"false)", "CREATE SUBSCRIPTION idle CONNECTION 'host=192.0.2.1' PUBLICATION p WITH (connect = false)",
		"ALTER SUBSCRIPTION far ENABLE", "CREATE SCHEMA cron", "CREATE TABLE cron.job (active boolean)",
		"INSERT INTO cron.job VALUES (true), (true), (false)")
	assert.Equal(t, []string{"1 subscription in the data, enabled, and not run here: far in database postgres"},
		outbound(false))
	assert.Equal(t, []string{
		"1 subscription in the data, enabled, and not run here: far in database postgres",
		"2 jobs of pg_cron in database postgres, active, and not run here",
	}, outbound(true))
	c.exec(t, "postgres", "ALTER TABLE cron.job RENAME active TO other")
	notes := outbound(true)
	require.Len(t, notes, 2)
	assert.Contains(t, notes[1], "whether pg_cron has jobs in database postgres is not known")
}
