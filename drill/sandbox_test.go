package drill

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// A sandbox with less room than the restore needs is refused, to the byte; a df that says
// nothing a number can be read from is no proof of room.
func TestCheckSpace(t *testing.T) {
	for says, want := range map[string]reason.Reason{
		"  Avail\n  1000\n":   "",
		"Avail\n999\n":        reason.DiskSpace,
		"Avail\n":             reason.SandboxFailed,
		"":                    reason.SandboxFailed,
		"Avail\nunlimited\n":  reason.SandboxFailed,
		"Avail\n1000\n1000\n": reason.SandboxFailed,
	} {
		box := &machine{answers: map[string]answer{"df": {stdout: says}}}
		requireReason(t, want, checkSpace(t.Context(), box, 1000), says)
	}
	broken := &machine{answers: map[string]answer{"df": {err: errGone}}}
	require.ErrorIs(t, checkSpace(t.Context(), broken, 1), errGone)
}

// What was restored is the data directory and the tablespaces together.
func TestBytesThere(t *testing.T) {
	box := &machine{answers: map[string]answer{"du": {stdout: "1200\t/box/data\n34\t/box/tblspc\n"}}}
	size, err := launched{box: box}.bytesThere(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 1234, size)
	assert.Equal(t, []string{"du -sb /box/data /box/tblspc"}, box.ran)
	box.answers["du"] = answer{stdout: "du: cannot access\n"}
	_, err = launched{box: box}.bytesThere(t.Context())
	requireReason(t, reason.SandboxFailed, err, "no number")
	box.answers["du"] = answer{err: errGone}
	_, err = launched{box: box}.bytesThere(t.Context())
	require.ErrorIs(t, err, errGone)
}

// Both directories are emptied before another restore; one that is not is an error.
func TestEmpty(t *testing.T) {
	box := &machine{answers: map[string]answer{"find": {}}, bounds: map[string]time.Duration{}}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	require.NoError(t, launched{box: box}.empty(ctx))
	assert.Greater(t, box.bounds["find"], time.Hour/2, "the run's deadline: a million files take their time")
	assert.Equal(t, []string{
		"find /box/data -mindepth 1 -delete", "find /box/tblspc -mindepth 1 -delete",
	}, box.ran)
	box.answers["find"] = answer{err: errGone}
	requireReason(t, reason.SandboxFailed, launched{box: box}.empty(t.Context()), "")
}

func TestCores(t *testing.T) {
	box := &machine{answers: map[string]answer{"nproc": {stdout: "4\n"}}}
	cores, err := launched{box: box}.cores(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 4, cores)
	box.answers["nproc"] = answer{err: errGone}
	_, err = launched{box: box}.cores(t.Context())
	require.ErrorIs(t, err, errGone)
}

// A tablespace that leads out of the sandbox is a breach, before the first query; a link that
// cannot be looked at is no proof.
func TestLinksInside(t *testing.T) {
	box := &machine{answers: map[string]answer{"find": {stdout: "/box/tblspc/16384\n"}}}
	server := &postgres.Server{Host: box, Data: "/box/data"}
	err := linksInside(t.Context(), box, server)
	requireReason(t, reason.SandboxFailed, err, "the tablespaces could not be unsealed")
	box.answers["chmod"] = answer{}
	box.answers["find"] = answer{stdout: "/srv/production\n"}
	requireReason(t, reason.IsolationBreached, linksInside(t.Context(), box, server), "")
	box.answers["find"] = answer{err: errGone}
	requireReason(t, reason.SandboxFailed, linksInside(t.Context(), box, server), "")
}

// found are the programs of a sandbox that has what it needs.
func found() map[string]answer {
	return map[string]answer{
		"pgbackrest version": {stdout: "pgBackRest 2.45\n"},
		"postgres":           {stdout: "postgres (PostgreSQL) 15.18\n"},
	}
}

// Programs that are missing, or older than what made the backup, are the environment's fault,
// and -install fetches them where the sandbox can.
func TestPrograms(t *testing.T) {
	full, _ := twoSets(t)
	for name, c := range map[string]struct {
		answers map[string]answer
		want    reason.Reason
	}{
		"all there":     {found(), ""},
		"no pgBackRest": {map[string]answer{"pgbackrest": {err: host.ErrNotFound}}, reason.ToolMissing},
		"an older one":  {map[string]answer{"pgbackrest": {stdout: "pgBackRest 2.44\n"}}, reason.VersionMismatch},
		"no PostgreSQL": {map[string]answer{
			"pgbackrest": found()["pgbackrest version"],
			"postgres":   {err: host.ErrNotFound},
		}, reason.ToolMissing},
		"another version": {map[string]answer{
			"pgbackrest": found()["pgbackrest version"],
			"postgres":   {stdout: "postgres (PostgreSQL) 14.3\n"},
		}, reason.VersionMismatch},
	} {
		_, err := on(&machine{answers: c.answers}, full).programs(t.Context(), suite.NewOut(&recorder{}))
		requireReason(t, c.want, err, name)

		able := &installer{machine: machine{answers: c.answers}, after: found()}
		_, err = on(able, full).programs(t.Context(), suite.NewOut(&recorder{}))
		requireReason(t, c.want, err, name)
		assert.Empty(t, able.fetched, "%s: nothing is fetched unasked", name)
		if c.want != "" {
			assert.ErrorContains(t, err, "-install fetches it", name)
		}

		p := on(able, full)
		p.Settings.Install = true
		_, err = p.programs(t.Context(), suite.NewOut(&recorder{}))
		require.NoError(t, err, name)
		if c.want != "" {
			assert.Equal(t, []string{"postgresql-15", "pgbackrest"}, able.fetched, name)
		}
	}
	failing := &installer{
		machine: machine{answers: map[string]answer{"pgbackrest": {err: host.ErrNotFound}}},
		failed:  errGone,
	}
	p := on(failing, full)
	p.Settings.Install = true
	_, err := p.programs(t.Context(), suite.NewOut(&recorder{}))
	requireReason(t, reason.SandboxFailed, err, "fetching failed")
}

// A sandbox that cannot read what this machine reads is at fault itself, unless the store went
// away; in a directory of this machine there is nothing to ask.
func TestSameAnswer(t *testing.T) {
	full, _ := twoSets(t)
	const well = `[{"name":"demo","repo":[{"key":1,"status":{"code":0,"message":"ok"}}]}]`
	const ill = `[{"name":"demo","repo":[{"key":1,"status":{"code":2,"message":"no valid backups"}}]}]`
	for name, c := range map[string]struct {
		info answer
		want reason.Reason
	}{
		"the same":         {answer{stdout: well}, ""},
		"no backups there": {answer{stdout: ill}, reason.SandboxFailed},
		"denied there": {
			answer{err: exit(39, "ERROR: [039]: HTTP request failed with 403 (Forbidden)")},
			reason.SandboxFailed,
		},
		"the store is gone": {
			answer{err: exit(49, "ERROR: [049]: unable to connect to 's3:9000'")},
			reason.RepoUnreachable,
		},
		"pgBackRest did not": {answer{err: errGone}, reason.SandboxFailed},
	} {
		p := on(&machine{answers: map[string]answer{"pgbackrest info": c.info}}, full)
		requireReason(t, c.want, p.sameAnswer(t.Context()), name)
		p.Environment.Local = true
		require.NoError(t, p.sameAnswer(t.Context()), name)
	}
}

func exit(code int, line string) error {
	return &host.ExitError{Argv: []string{"pgbackrest"}, Code: code, Result: host.Result{Stderr: []byte(line + "\n")}}
}

// Teardown destroys the sandbox and looks whether it is gone; with -keep it only marks it.
func TestLeave(t *testing.T) {
	box := &machine{}
	require.NoError(t, leave(t.Context(), suite.NewOut(&recorder{}), box, false, &wayIn{}))
	assert.Equal(t, []string{"destroy", "gone"}, box.ends)
	kept := &machine{}
	var heard recorder
	require.NoError(t, leave(t.Context(), suite.NewOut(&heard), kept, true, &wayIn{}))
	assert.Equal(t, []string{"keep"}, kept.ends)
	assert.False(t, kept.kept.IsZero())
	assert.Contains(t, heard.String(), "is kept until")
	assert.Contains(t, heard.String(), "remove it: testprom -reap -kept "+kept.Name()+"\n")
	assert.NotContains(t, heard.String(), "server", "there was none yet")

	heard.Reset()
	require.NoError(t, leave(t.Context(), suite.NewOut(&heard), elsewhere{&machine{}}, true, &wayIn{}))
	assert.Contains(t, heard.String(), "remove it: DRILL_INCUS_PROJECT=drills testprom -reap -kept "+kept.Name()+"\n")

	from, dying := clusterOn(t, dead, "")
	way := &wayIn{server: from.server}
	heard.Reset()
	require.NoError(t, leave(t.Context(), suite.NewOut(&heard), dying, true, way))
	assert.Regexp(t, `(?s)is kept until .*its server is not running; its log: tail.*remove it: `, heard.String(),
		"in this order")
	for _, keep := range []bool{true, false} {
		assert.ErrorIs(t, leave(t.Context(), suite.NewOut(&recorder{}), &machine{err: errGone}, keep, way), errGone)
	}
}

// elsewhere is a machine that testprom finds only by a variable.
type elsewhere struct{ *machine }

func (elsewhere) Variables() []string { return []string{"DRILL_INCUS_PROJECT=drills"} }

// Teardown undoes everything, whatever fails on the way, and says that it failed.
func TestTeardown(t *testing.T) {
	out := suite.NewOut(&recorder{})
	box := &machine{err: errors.New("busy")}
	out.Undo(undoing(box, "first"))
	out.Undo(undoing(box, "second"))
	requireReason(t, reason.SandboxFailed, teardown(t.Context(), out), "")
	assert.Equal(t, []string{"second", "first"}, box.ends)
}
