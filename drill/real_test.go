package drill

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/node"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/session"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
)

// A history is read as testprom writes it.
func TestLastPassed(t *testing.T) {
	line := func(suite, stanza, verdict, ended, rto string) string {
		return fmt.Sprintf(`{"schema":1,"suite":%q,"stanza":%q,"verdict":%q,"ended":%q,"measurements":[`+
			`{"name":"restored_bytes","value":42},{"name":"rto_seconds","value":%s}],"labels":{}}`,
			suite, stanza, verdict, ended, rto)
	}
	passed := line("drill", "demo", "pass", "2026-08-22T04:00:00Z", "75.4")
	newer := line("drill", "demo", "fail", "2026-08-23T04:00:00Z", "1")
	other := line("drill", "other", "pass", "2026-08-23T04:00:00Z", "2")
	checks := line("backup", "demo", "pass", "2026-08-23T04:00:00Z", "3")
	const (
		want = "the last drill that passed, 2026-08-22T04:00:00Z, took 1m15s from the restore to the first query"
		none = "not known: no drill of this stanza has passed here (-history)"
	)
	for name, c := range map[string]struct{ history, want string }{
		"one":               {passed + "\n", want},
		"newer ones failed": {passed + "\n" + newer + "\n" + other + "\n" + checks + "\n", want},
		"the last line cut": {passed + "\n" + passed[:40], want},
		"none":              {newer + "\n" + other + "\n", none},
		"empty":             {"", none},
	} {
		assert.Equal(t, c.want, lastPassed([]byte(c.history), "demo"), name)
	}
	r := &nodeRestore{}
	assert.Equal(t, noHistory, r.lastDrill("demo"))
	r.History = t.TempDir() + "/none"
	assert.Equal(t, noHistory, r.lastDrill("demo"))
}

// A restore has no use for a moment that is chosen for it.
func TestRefuseSettings(t *testing.T) {
	for _, c := range []struct {
		kind    target.Kind
		refused bool
	}{
		{target.End, false},
		{target.Time, false},
		{target.LSN, false},
		{target.Name, false},
		{target.Random, true},
		{target.Timeline, true},
	} {
		asked := settings.Settings{Target: target.Target{Kind: c.kind}}
		err := (&nodeRestore{}).refuseSettings(asked)
		assert.Equal(t, c.refused, err != nil, c.kind)
		if why, _ := reason.Of(err); err != nil {
			assert.Equal(t, reason.ConfigInvalid, why)
		}
		require.NoError(t, (*nodeRestore)(nil).refuseSettings(asked), "a drill may")
	}
}

// A directory that is in use says so in our words: what pgBackRest hints at would remove what is there.
func TestOccupied(t *testing.T) {
	taken := &pgbackrest.Error{Command: "restore", Code: 40, Lines: []string{
		"ERROR: [040]: unable to restore to path '/srv/ts/PG_17_202406281' because it contains files",
		"HINT: try using --delta if this is what you intended.",
	}}
	err := (&nodeRestore{}).occupied(taken)
	require.ErrorContains(t, err, "/srv/ts/PG_17_202406281 is not empty")
	assert.NotContains(t, err.Error(), "--delta")
	why, _ := reason.Of(err)
	assert.Equal(t, reason.ConfigInvalid, why)
	require.NoError(t, (*nodeRestore)(nil).occupied(taken), "a drill's own directory is no such thing")
	require.NoError(t, (&nodeRestore{}).occupied(&pgbackrest.Error{Code: 55}))
	require.NoError(t, (&nodeRestore{}).occupied(errors.New("broken")))
}

// What is lost may be accepted, by a decision alone; what else is wrong may not.
func TestAcceptLoss(t *testing.T) {
	for _, c := range []struct {
		accept bool
		why    reason.Reason
		passes bool
	}{
		{true, reason.WALMissing, true},
		{true, reason.WALCorrupt, true},
		{true, reason.RecoveryIncomplete, true},
		{false, reason.WALMissing, false},
		{false, reason.WALCorrupt, false},
		{false, reason.RecoveryIncomplete, false},
		{true, reason.TimelineConflict, false},
		{true, reason.RepoCorrupt, false},
		{true, reason.DiskSpace, false},
		{true, reason.RepoUnreachable, false},
		{true, reason.WrongCipher, false},
		{true, reason.Interrupted, false},
	} {
		found := reason.Errorf(c.why, "it is so\nin two lines")
		said := &notes{}
		s := session.Session{Request: session.Request{AcceptLoss: c.accept}}
		err := acceptLoss(suite.NewOut(said), s, found)
		if !c.passes {
			require.Equal(t, found, err)
			assert.Empty(t, said.values)
			continue
		}
		require.NoError(t, err)
		require.Len(t, said.values, 1)
		assert.Contains(t, said.values[0], "loss accepted (-accept-loss), "+string(c.why))
	}
	asked := session.Session{Request: session.Request{AcceptLoss: true}}
	require.NoError(t, acceptLoss(suite.NewOut(&notes{}), asked, nil))
}

// notes keeps what a step publishes.
type notes struct{ values []string }

func (n *notes) Attr(_, value string) { n.values = append(n.values, value) }
func (n *notes) Output() io.Writer    { return io.Discard }

// Less room than it needs is said before anybody is asked.
func TestFits(t *testing.T) {
	r := &nodeRestore{place: node.Place{Dir: "/srv/pg", Free: 10e6}}
	var heard recorder
	out := suite.NewOut(&heard)
	require.NoError(t, r.fits(out, 10e6))
	err := r.fits(out, 20e6)
	require.ErrorContains(t, err, "-to /srv/pg: the restore needs 20.0 MB, and 10.0 MB are free")
	why, _ := reason.Of(err)
	assert.Equal(t, reason.DiskSpace, why)
	assert.Empty(t, heard.String())
	r.place.Doubt = "it may compress"
	require.NoError(t, r.fits(out, 20e6))
	assert.Contains(t, heard.String(), "10.0 MB are free: it may fit all the same, since it may compress")
	r.again = true
	require.NoError(t, r.fits(out, 20e6))
}

// The command to type is said whole, however long a formation's values are.
func TestReal_NextIsWhole(t *testing.T) {
	r := &nodeRestore{
		server: &postgres.Server{Installation: postgres.Installation{BinDir: "/usr/lib/postgresql/17/bin"}},
		place: node.Place{Dir: "/var/lib/" + strings.Repeat("long/", 40) + "pg", Formation: node.Formation{
			Monitor: "postgres://autoctl_node@" + strings.Repeat("m", 200) + ":5432/pg_auto_failover",
			Options: []string{"--hostname", strings.Repeat("h", 200), "--name", "pg1"},
		}},
	}
	assert.True(t, strings.HasSuffix(r.next(), `:5432/pg_auto_failover"`), r.next())
}
