package drill

import (
	"context"
	"os"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

const logFile = "/box/log/postgresql.log"

// clusterOn is a cluster whose postmaster lives, or not, and whose server log is a recorded one.
func clusterOn(t *testing.T, status answer, log string) (cluster, *machine) {
	t.Helper()
	box := &machine{answers: map[string]answer{"pg_ctl status": status}, files: map[string]string{}}
	if log != "" {
		content, err := os.ReadFile("../fixtures/postgres/" + log)
		require.NoError(t, err)
		box.files[logFile] = string(content)
	}
	return cluster{server: &postgres.Server{Host: box, Data: "/box/data", LogFile: logFile}, set: "L"}, box
}

var dead = answer{err: &host.ExitError{Argv: []string{"pg_ctl"}, Code: 3}}

// A query that failed because the server is gone is explained by the server log; one that
// failed while it lives by what the server said; a machine that cannot tell is no witness.
func TestBrokenSession(t *testing.T) {
	answered := error(&pgconn.PgError{Code: "42P01", Message: "no such table"})
	for name, c := range map[string]struct {
		status answer
		log    string
		err    error
		want   reason.Reason
	}{
		"it lives, and answered":       {answer{}, "switch.log", answered, reason.SmokeQuery},
		"it lives, without a log":      {answer{}, "", answered, reason.SandboxFailed},
		"nobody knows whether it does": {answer{err: errGone}, "switch.log", answered, reason.SandboxFailed},
		"it died of bad WAL":           {dead, "first-corrupt.log", answered, reason.WALCorrupt},
		"it died, without a log":       {dead, "", answered, reason.SandboxFailed},
	} {
		from, _ := clusterOn(t, c.status, c.log)
		requireReason(t, c.want, from.brokenSession(t.Context(), suite.NewOut(&recorder{}), c.err), name)
	}
}

// What a check lacks here hides no crash of the server after it; a finding goes first, and nobody is asked any more.
func TestOrBroken(t *testing.T) {
	lacks := reason.Errorf(reason.ToolMissing, "extension gone is not installed here")
	found := reason.Errorf(reason.StaleData, "a sequence lags")
	ended := error(&pgconn.PgError{Code: "57P02", Message: "terminating connection because of crash"})
	for name, c := range map[string]struct {
		status      answer
		log         string
		failed, err error
		want        reason.Reason
	}{
		"it crashed after a lack":    {dead, "first-corrupt.log", lacks, ended, reason.WALCorrupt},
		"it crashed, and found more": {dead, "first-corrupt.log", found, ended, reason.StaleData},
		"it crashed":                 {dead, "first-corrupt.log", nil, ended, reason.WALCorrupt},
		"it was ended from outside":  {answer{}, "switch.log", lacks, ended, reason.ToolMissing},
		"it lives":                   {dead, "", lacks, nil, reason.ToolMissing},
		"nothing is wrong":           {dead, "", nil, nil, ""},
	} {
		from, _ := clusterOn(t, c.status, c.log)
		requireReason(t, c.want, from.orBroken(t.Context(), suite.NewOut(&recorder{}), c.failed, c.err), name)
	}
}

// Whoever is told that the server did not come up sees the end of its log.
func TestWhyNotUp_ShowsTheLog(t *testing.T) {
	from, _ := clusterOn(t, answer{}, "first-corrupt.log")
	var heard recorder
	require.Error(t, from.whyNotUp(t.Context(), suite.NewOut(&heard), postgres.ErrDied))
	assert.Contains(t, heard.String(), "the end of the server log:\n")

	heard.Reset()
	why := from.whyNotUp(t.Context(), suite.NewOut(&heard), reason.Errorf(reason.DiskSpace, "no space"))
	requireReason(t, reason.DiskSpace, why, "what is known needs no log")
	assert.Empty(t, heard.String())
}

// A kept sandbox says how to enter its server, or where the log of a dead one is.
func TestWayIn(t *testing.T) {
	for want, status := range map[string]answer{
		"enter it: psql -h /box/run -p 5432 -U boss -d app": {},
		"its server is not running; its log: tail -n 50 ":   dead,
		"its log: tail -n 50 " + logFile:                    {err: errGone},
	} {
		from, box := clusterOn(t, status, "")
		from.server.User, from.server.Socket, from.server.Port = "boss", "/box/run", 5432
		var heard recorder
		way := wayIn{server: from.server, database: "app"}
		way.say(t.Context(), suite.NewOut(&heard), box)
		assert.Contains(t, heard.String(), want)
	}
}

// When the store fell silent, or the run was stopped, that is the reason: a server that died of
// it is not.
func TestWhyNotUp_TheStoreIsGone(t *testing.T) {
	from, _ := clusterOn(t, answer{}, "first-corrupt.log")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason.Errorf(reason.RepoUnreachable, "the object store has not answered for 30s"))
	requireReason(t, reason.RepoUnreachable, from.whyNotUp(ctx, suite.NewOut(&recorder{}), postgres.ErrDied), "")
}
