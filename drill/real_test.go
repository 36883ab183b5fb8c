package drill

import (
	"context"
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
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/session"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/wal"
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
	labelled := func(label string) string { // newer, and short
		return strings.Replace(line("drill", "demo", "pass", "2026-08-23T04:00:00Z", "1"), `"labels":{}`,
			`"labels":{`+label+`}`, 1)
	}
	const (
		want   = "the last drill that passed, 2026-08-22T04:00:00Z, took 1m15s from the restore to the first query"
		newest = "the last drill that passed, 2026-08-23T04:00:00Z, took 1s from the restore to the first query"
		none   = "not known: no drill of this stanza has passed here (-history)"
	)
	for name, c := range map[string]struct{ history, want string }{
		"one":               {passed + "\n", want},
		"newer ones failed": {passed + "\n" + newer + "\n" + other + "\n" + checks + "\n", want},
		"the last line cut": {passed + "\n" + passed[:40], want},
		"a cluster before":  {passed + "\n" + labelled(`"cluster_left":"PostgreSQL 15"`), want},
		"of the past":       {passed + "\n" + labelled(`"repo_target_time":"2026-08-01T00:00:00Z"`), want},
		"to a target":       {passed + "\n" + labelled(`"target":"immediate"`), want},
		"another label":     {labelled(`"set":"20260822-020003F"`) + "\n", newest},
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

// What lies in a younger tablespace stays for a replay to the same end on the same timeline, and for no other one.
func TestUntil(t *testing.T) {
	r := &recovered{}
	r.plan.chain.Target, r.Settings.Repo = 1, 1
	first := r.until()
	assert.Equal(t, first, r.until())
	r.plan.chain.Target = 2 // production failed over between two runs
	assert.NotEqual(t, first, r.until())
	r.plan.chain.Target, r.Settings.Repo = 1, 2
	assert.NotEqual(t, first, r.until())
	r.Settings.Repo, r.AcceptLoss = 1, true
	first = r.until()
	assert.NotEqual(t, first, r.until(), "it may end earlier")
}

func TestLateOf(t *testing.T) {
	late := []node.Late{{Dir: "/srv/fast", Until: "end"}}
	for step, want := range map[node.Step][]node.Late{
		node.Restoring: late, node.Recovering: late, node.Recovered: nil,
	} {
		before := &node.Claim{Step: step, Late: late}
		assert.Equal(t, want, (&nodeRestore{again: true}).lateOf(before), step)
		assert.Nil(t, (&nodeRestore{}).lateOf(before), "nothing is taken up")
	}
	assert.Nil(t, (&nodeRestore{}).lateOf(nil))
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

// What only measures keeps no restore from being handed over; in a drill, and of a run that is ended, it stands. So
// does what was found.
func TestOnlyMeasured(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	unlisted := reason.Errorf(reason.RepoUnreachable, "the archive cannot be listed again")
	breached := reason.Errorf(reason.IsolationBreached, "it came into the archive")
	for name, c := range map[string]struct {
		ctx   context.Context
		real  *nodeRestore
		err   error
		noted bool
	}{
		"for real":         {t.Context(), &nodeRestore{}, unlisted, true},
		"in a drill":       {t.Context(), nil, unlisted, false},
		"ended":            {ended, &nodeRestore{}, unlisted, false},
		"a finding":        {t.Context(), &nodeRestore{}, breached, false},
		"nothing":          {t.Context(), &nodeRestore{}, nil, false},
		"without a reason": {t.Context(), &nodeRestore{}, errors.New("broken"), false},
	} {
		said := &notes{}
		err := c.real.onlyMeasured(c.ctx, suite.NewOut(said), c.err, reason.RepoUnreachable)
		if !c.noted {
			require.Equal(t, c.err, err, name)
			assert.Empty(t, said.values, name)
			continue
		}
		require.NoError(t, err, name)
		require.Len(t, said.values, 1, name)
		assert.Contains(t, said.values[0], "cannot be listed again", name)
	}
}

// notes keeps what a step publishes.
type notes struct{ values []string }

func (n *notes) Attr(_, value string) { n.values = append(n.values, value) }
func (n *notes) Output() io.Writer    { return io.Discard }

// Less room than it needs is said before anybody is asked, of every file system by itself.
func TestFits(t *testing.T) {
	data := node.Volume{Dir: "/srv/pg", Need: 10e6, Free: 10e6}
	fast := node.Volume{Dir: "/fast/ts", Need: 90e6, Free: 100e6}
	with := func(v node.Volume, need int64, doubt string) node.Volume {
		v.Need, v.Doubt = need, doubt
		return v
	}
	for name, c := range map[string]struct {
		rooms      []node.Volume
		again      bool
		said, note string
	}{
		"it fits": {rooms: []node.Volume{data}},
		"it does not": {
			rooms: []node.Volume{with(data, 20e6, "")},
			said:  "-to /srv/pg: the restore needs 20.0 MB there, and 10.0 MB are free",
		},
		"more than the data directory has lies elsewhere": {rooms: []node.Volume{data, fast}},
		"what lies elsewhere does not fit": {
			rooms: []node.Volume{data, with(fast, 200e6, "")},
			said:  "/fast/ts: the restore needs 200.0 MB there, and 100.0 MB are free",
		},
		"it may compress": {
			rooms: []node.Volume{with(data, 20e6, "it may compress"), fast},
			note:  "10.0 MB are free: it may fit all the same, since it may compress",
		},
		"taken up": {rooms: []node.Volume{with(data, 20e6, ""), with(fast, 200e6, "")}, again: true},
	} {
		r := &nodeRestore{rooms: c.rooms, again: c.again}
		var heard recorder
		err := r.fits(suite.NewOut(&heard))
		assert.Equal(t, c.note != "", strings.Contains(heard.String(), "may fit"), name)
		assert.Contains(t, heard.String(), c.note, name)
		if c.said == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, c.said, name)
		why, _ := reason.Of(err)
		assert.Equal(t, reason.DiskSpace, why, name)
	}
}

// A set goes to the file systems that its manifest names. Of one that cannot be read, what does not fit may all the
// same.
func TestRoomsOf(t *testing.T) {
	conf, err := pgbackrest.ParseConfig("c", []byte("[demo]\npg1-path=/pg\n"))
	require.NoError(t, err)
	var found ready
	found.Client.Repository = repository.Repository{Stanza: "demo", Conf: repository.Conf{Config: conf}}
	found.plan = plan{segmentSize: 16 << 20, chain: wal.Chain{Entries: make([]wal.Entry, 2)}}
	found.plan.set.Info.Size = 1 << 50
	r := &nodeRestore{place: node.Place{Dir: t.TempDir() + "/pg", Free: 1}}
	m := pgbackrest.Manifest{
		Targets: []pgbackrest.ManifestTarget{{Name: "pg_tblspc/1", Path: "/proc/ts", TablespaceID: "1"}},
		Files:   []pgbackrest.ManifestFile{{Name: "pg_data/x", Size: 5}, {Name: "pg_tblspc/1/x", Size: 1 << 50}},
	}
	r.rooms, err = r.roomsOf(found, m)
	require.NoError(t, err)
	require.Len(t, r.rooms, 2)
	assert.Equal(t, int64(5+2*16<<20), r.rooms[0].Need)
	assert.Equal(t, int64(1<<50), r.rooms[1].Need)

	r.rooms = r.roomUnknown(found.plan.need())
	require.Len(t, r.rooms, 1)
	var heard recorder
	require.NoError(t, r.fits(suite.NewOut(&heard)))
	assert.Contains(t, heard.String(), "the set's manifest cannot be read")
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
	assert.True(t, strings.HasSuffix(r.next(origin{}), `:5432/pg_auto_failover"`), r.next(origin{}))
}
