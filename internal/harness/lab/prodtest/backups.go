package prodtest

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/lab"
)

// listed are the labels of the backups in the repository, oldest first, as a data node sees it.
func (p *production) listed(t *testing.T, node string) (labels []string) {
	t.Helper()
	var info []struct {
		Backup []struct {
			Label string `json:"label"`
			Error bool   `json:"error"`
		} `json:"backup"`
	}
	said := p.on(t, node, "runuser", "-u", "postgres", "--", "pgbackrest", "--stanza="+stanza, "--output=json", "info")
	require.NoError(t, json.Unmarshal([]byte(said), &info), said)
	for _, b := range info[0].Backup {
		assert.False(t, b.Error, b.Label)
		labels = append(labels, b.Label)
	}
	return labels
}

// roles are the node that takes writes, and the one that follows.
func (p *production) roles(t *testing.T) (primary, standby string) {
	t.Helper()
	primary, err := p.lab.Writable(t.Context())
	require.NoError(t, err)
	for _, node := range lab.DataNodes {
		if node != primary {
			standby = node
		}
	}
	return primary, standby
}

// backups: the catch-up finds that this week has no full and starts its unit; the timers of
// full and diff take theirs. On the standby all of them end without a failure and without a backup.
func backups(t *testing.T, p *production) {
	primary, standby := p.roles(t)
	assert.Empty(t, p.listed(t, primary))
	caught := p.after(t, primary, "pgbackrest-full", func() {
		assert.Equal(t, "success", p.byTimer(t, primary, "pgbackrest-catchup").Result)
	})
	assert.Equal(t, "success", caught.Result)
	require.Equal(t, []string{"F"}, kinds(p.listed(t, primary)))
	assert.Equal(t, "exec-condition", p.byTimer(t, primary, "pgbackrest-catchup").Result, "now there is one")
	for _, unit := range []string{"pgbackrest-full", "pgbackrest-diff"} {
		done := p.byTimer(t, primary, unit)
		assert.Equal(t, state{"inactive", "success", "0", done.Invocation}, done, primary)
	}
	for _, unit := range []string{"pgbackrest-full", "pgbackrest-diff", "pgbackrest-catchup"} {
		skipped := p.byHand(t, standby, unit)
		assert.Equal(t, state{"inactive", "exec-condition", "0", skipped.Invocation}, skipped, standby)
	}
	for range 4 { // more starts than a unit has tries: each is a skip, none is refused
		assert.Equal(t, "exec-condition", p.byHand(t, standby, "pgbackrest-diff").Result)
	}
	assert.Equal(t, []string{"F", "F", "D"}, kinds(p.listed(t, standby)), "both nodes see the same repository")
	for _, node := range lab.DataNodes {
		assert.Empty(t, p.on(t, node, "systemctl", "--failed", "--plain", "--no-legend", "list-units", "pgbackrest-*"))
		timers := p.on(t, node, "systemctl", "list-timers", "--plain", "--no-legend", "pgbackrest-*")
		assert.Len(t, strings.Split(timers, "\n"), 3, timers)
	}
}

// kinds are the last letters of labels.
func kinds(labels []string) (all []string) {
	for _, label := range labels {
		all = append(all, label[len(label)-1:])
	}
	return all
}

// newPrimary: after the failover the units of the node that is primary now take the backups,
// in the same repository, and the other node's skip.
func newPrimary(t *testing.T, p *production) {
	primary, standby := p.roles(t)
	before := p.listed(t, primary)
	for _, unit := range []string{"pgbackrest-full", "pgbackrest-diff"} {
		assert.Equal(t, "exec-condition", p.byHand(t, standby, unit).Result)
		assert.Equal(t, "success", p.byHand(t, primary, unit).Result)
	}
	after := p.listed(t, primary)
	assert.Equal(t, []string{"F", "D"}, kinds(after[len(before):]))
	assert.True(t, slices.Equal(before, after[:len(before)]))
}
