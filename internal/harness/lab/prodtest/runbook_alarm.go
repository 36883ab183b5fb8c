package prodtest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/wait"
)

// alarmUnit tries the alarm every month.
const alarmUnit = "veza-alarm-test"

// alarmTested are the variables of a host that tries it.
var alarmTested = []string{
	"-e", "dr_drill_alertmanager=http://127.0.0.1:9093", "-e", "dr_drill_prometheus=http://127.0.0.1:9090",
	"-e", "dr_drill_node_exporter=http://127.0.0.1:9100",
}

// alarmTried: its timer starts the test, which waits for the rule's own five minutes, and for the end. The story goes
// on meanwhile.
func alarmTried(t *testing.T, p *production) {
	undo := p.startByTimer(t, p.drillHost, alarmUnit)
	defer undo()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, wait.For(ctx, alarmUnit+" to begin", time.Second, func(ctx context.Context) error {
		now, err := p.state(ctx, p.drillHost, alarmUnit)
		if err == nil && now.Active != "activating" {
			err = fmt.Errorf("it is %s", now.Active)
		}
		return err
	}))
}

// alarmArrived: it came all the way to Alertmanager, was taken back, and nothing of it is left.
func alarmArrived(t *testing.T, p *production) {
	ctx, cancel := context.WithTimeout(t.Context(), unitTime)
	defer cancel()
	var now state
	require.NoError(t, wait.For(ctx, alarmUnit+" to end", time.Second, func(ctx context.Context) (err error) {
		now, err = p.state(ctx, p.drillHost, alarmUnit)
		if err == nil && now.Active == "activating" {
			err = fmt.Errorf("it is %s", now.Active)
		}
		return err
	}))
	said := p.on(t, p.drillHost, "journalctl", "--no-pager", "-o", "cat", "-u", alarmUnit)
	t.Log(said)
	assert.Equal(t, "success", now.Result, said)
	assert.Contains(t, p.on(t, p.drillHost, "cat", textfiles+"/veza_backup_alarm.prom"),
		"veza_backup_alarm_path_success 1")
	p.on(t, p.drillHost, "test", "!", "-e", textfiles+"/veza_backup_alarm_test.prom")
}
