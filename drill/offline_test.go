package drill

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/target"
)

// What was committed after an offline backup is lost to a plain restore, unless it goes to a target, or
// its pgBackRest replays.
func TestLostOffline(t *testing.T) {
	at := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	var offline, online pgbackrest.Backup
	online.Archive.Start, online.Archive.Stop = "000000010000000000000002", "000000010000000000000003"
	for name, c := range map[string]struct {
		set     pgbackrest.Backup
		to      target.Target
		version string
		commit  *time.Time
		want    reason.Reason
	}{
		"committed since":     {offline, target.Target{}, "2.45", &at, reason.RecoveryIncomplete},
		"nothing since":       {offline, target.Target{}, "2.45", nil, ""},
		"an online one":       {online, target.Target{}, "2.45", &at, ""},
		"to a target":         {offline, lsnTarget("0/5000000"), "2.45", &at, ""},
		"one that replays it": {offline, target.Target{}, "2.44", &at, ""},
	} {
		requireReason(t, c.want, lostOffline(c.set, c.to, c.version, c.commit), name)
		var r recovered
		r.plan.set, r.target, r.Version, r.end.commit = c.set, c.to, c.version, c.commit
		requireReason(t, c.want, r.lostOffline(), name)
		r.real = &nodeRestore{}
		require.NoError(t, r.lostOffline(), "%s: for real it is back", name)
	}
}
