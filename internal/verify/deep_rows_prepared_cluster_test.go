package verify_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/verify"
	"veza.fr/recovery/internal/versions"
)

// Rows of a prepared transaction deny amcheck the look at an index with its parents. It goes on without them, says so,
// and still asks for two rows of one key (17 and later); where nobody asks, unique_keys says that.
func TestDeep_RowsOfAPreparedTransaction(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a PostgreSQL")
	}
	c := startCluster(t, "max_prepared_transactions=5")
	c.exec(t, "postgres", `SET allow_system_table_mods = on; CREATE EXTENSION citext;
		CREATE TABLE mail (a citext); CREATE UNIQUE INDEX mail_a ON mail (a); INSERT INTO mail VALUES ('x');
		CREATE TABLE free (a citext); CREATE UNIQUE INDEX free_a ON free (a); INSERT INTO free VALUES ('x'); `+
		twice("mail", "mail_a"), `BEGIN; INSERT INTO mail VALUES ('y'); PREPARE TRANSACTION 'late'`)
	run := func(checks ...string) map[string]verify.Outcome {
		outcomes, err := verify.Deep{Superuser: c.connect, Connect: c.connect, Workers: 1}.
			Run(t.Context(), checks, 10*time.Minute)
		require.NoError(t, err)
		found := map[string]verify.Outcome{}
		for _, o := range outcomes {
			found[o.Check] = o
		}
		return found
	}
	var number string
	conn, err := c.connect(t.Context(), "postgres")
	require.NoError(t, err)
	defer conn.Close(t.Context()) //nolint:errcheck // the cluster ends with the test
	require.NoError(t, conn.QueryRow(t.Context(), "SHOW server_version").Scan(&number))
	number, _, _ = strings.Cut(number, " ")
	notes := func(o verify.Outcome) string { return strings.Join(o.Notes, "\n") }
	const unasked = "index public.mail_a in database postgres was not asked for two rows of one key"

	both := run("amcheck", "unique_keys")
	o := both["amcheck"]
	if versions.AmcheckUnique.In(number) {
		assert.Equal(t, reason.IndexCorrupt, o.Reason, o.Sentence)
		assert.Contains(t, o.Sentence, "index public.mail_a in database postgres: index uniqueness is violated")
		assert.NotContains(t, notes(both["unique_keys"]), unasked)
	} else {
		assert.Equal(t, verify.Passed, o.Status, o.Sentence)
		assert.Contains(t, notes(o), "index public.mail_a in database postgres was looked at without its parent pages")
		assert.Contains(t, notes(both["unique_keys"]), unasked)
	}
	assert.NotContains(t, notes(o)+o.Sentence, "free_a")
	assert.Contains(t, notes(run("unique_keys")["unique_keys"]), unasked, "amcheck is not asked")

	c.exec(t, "postgres", `DELETE FROM mail a USING mail b WHERE a.a = b.a AND a.ctid > b.ctid`)
	o = run("amcheck")["amcheck"]
	assert.Equal(t, verify.Passed, o.Status, o.Sentence)
	assert.Contains(t, notes(o), "was looked at without its parent pages: canceling statement due to lock timeout")
}
