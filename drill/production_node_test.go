package drill

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/suite"
)

// On a sandbox with more cores than the node, restore is told no more processes than the node has cores; on a smaller
// one, what there is.
func TestNode_Processes(t *testing.T) {
	for cpus, want := range map[int64]string{
		1: "--process-max=1", 2: "--process-max=2", 16: "--process-max=2", 0: "--process-max=2",
	} {
		p, box := restoring(t, answer{})
		config, err := pgbackrest.ParseConfig("/c", []byte("[demo]\npg1-path=/p\n"))
		require.NoError(t, err)
		p.repo.Conf.Config = config
		p.Settings.NodeCPUs = cpus
		var heard recorder
		_, err = restore(t.Context(), suite.NewOut(&heard), p)
		require.NoError(t, err)
		assert.Contains(t, strings.Join(box.ran, "\n"), want)
		said := heard.String()
		assert.Contains(t, said, "the sandbox has 2 cores")
		switch cpus {
		case 0:
			assert.NotContains(t, said, "production's node")
		case 1:
			assert.Contains(t, said, "production's node has 1: -cpus 1 would measure it")
		default:
			assert.NotContains(t, said, "would measure it")
		}
	}
}

// The figure for the node takes every process to have been busy; a conf that uses no more than the node has costs the
// restore nothing. A sandbox that is no bigger has no other figure.
func TestNode_RTO(t *testing.T) {
	conf := func(text string) pgbackrest.Processes {
		config, err := pgbackrest.ParseConfig("/c", []byte(text+"[demo]\npg1-path=/p\n"))
		require.NoError(t, err)
		return config.Processes("demo", "restore", 4)
	}
	two, eight, none := conf("[global]\nprocess-max=2\n"), conf("[global]\nprocess-max=8\n"), conf("")
	const restore, replay = 10 * time.Minute, 6 * time.Minute
	for name, c := range map[string]struct {
		cpus, cores int
		with        pgbackrest.Processes
		want        time.Duration
	}{
		"not known":            {0, 16, two, 0},
		"as many":              {4, 4, eight, 0},
		"a smaller sandbox":    {8, 4, eight, 0},
		"process-max is small": {4, 16, two, 10*time.Minute + 9*time.Minute},
		"process-max is large": {4, 16, eight, 20*time.Minute + 9*time.Minute},
		"by the node's cores":  {4, 16, none, 10*time.Minute + 9*time.Minute},
		"one core":             {1, 2, two, 20*time.Minute + 12*time.Minute},
	} {
		assert.Equal(t, c.want, productionNode{c.cpus}.rto(restore, replay, c.with, c.cores), name)
	}
}

// Whether the figure is within the budget is said, where what was measured is.
func TestNode_Costs(t *testing.T) {
	n := productionNode{4}
	assert.Equal(t, "RTO 16m0s here, and at most 29m0s with the 4 cores of production's node, by reckoning",
		n.costs(16*time.Minute, 29*time.Minute, 30*time.Minute))
	assert.Contains(t, n.costs(16*time.Minute, 31*time.Minute, 30*time.Minute), "may be more than the budget of 30m0s")
	assert.NotContains(t, n.costs(31*time.Minute, 40*time.Minute, 30*time.Minute), "budget")
}
