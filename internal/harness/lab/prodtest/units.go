package prodtest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/lab"
	"veza.fr/recovery/internal/wait"
)

// exposure is the most that systemd-analyze may say of a machine's services, in tenths: 100
// is one that may do everything. The drill is root, and becomes postgres.
var exposure = map[string]string{"pg1": "20", "pg2": "20", lab.DrillHost: "40"}

// sound: systemd finds nothing to say against the units, and what a job may reach is little.
func sound(t *testing.T, p *production) {
	for machine, most := range exposure {
		p.soundOn(t, machine, most)
	}
}

func (p *production) soundOn(t *testing.T, machine, most string) {
	t.Helper()
	units := strings.Fields(p.on(t, machine, "sh", "-c",
		"ls /etc/systemd/system/pgbackrest-*.service /etc/systemd/system/pgbackrest-*.timer"))
	require.GreaterOrEqual(t, len(units), 4)
	assert.Empty(t, p.on(t, machine,
		append([]string{"sh", "-c", `systemd-analyze verify --man=no "$@" 2>&1`, "sh"}, units...)...), machine)
	for _, unit := range units {
		if name := unit[strings.LastIndex(unit, "/")+1:]; strings.HasSuffix(name, ".service") {
			p.on(t, machine, "systemd-analyze", "security", "--no-pager", "--threshold="+most, name)
		}
	}
}

// withoutMonitor: the monitor is down, and a backup is taken all the same: a node asks itself
// what it is.
func withoutMonitor(t *testing.T, p *production) {
	primary, standby := p.roles(t)
	require.NoError(t, p.lab.Stop(t.Context(), "monitor"))
	assert.Equal(t, "success", p.byHand(t, primary, "pgbackrest-diff").Result)
	assert.Equal(t, "exec-condition", p.byHand(t, standby, "pgbackrest-diff").Result)
	require.NoError(t, p.lab.Start(t.Context(), "monitor"))
}

// notKnown: a node that cannot find out whether it is a standby does not skip the backup in
// silence: its PostgreSQL is down, and the unit fails and tries again.
func notKnown(t *testing.T, p *production) {
	_, standby := p.roles(t)
	const unit = "pgbackrest-diff.service"
	p.on(t, standby, "systemctl", "stop", "pgautofailover.service")
	p.on(t, standby, "systemctl", "start", "--no-block", unit)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	assert.NoError(t, wait.For(ctx, unit+" to fail", time.Second, func(ctx context.Context) error {
		said, err := p.try(ctx, standby, "systemctl", "show", unit, "-p", "Result", "-p", "SubState")
		if err == nil && said != "Result=exit-code\nSubState=auto-restart" {
			err = errors.New(said)
		}
		return err
	}))
	p.on(t, standby, "systemctl", "stop", unit)
	p.on(t, standby, "systemctl", "reset-failed", unit)
	p.on(t, standby, "systemctl", "start", "pgautofailover.service")
	require.NoError(t, p.lab.Stable(t.Context()))
}
