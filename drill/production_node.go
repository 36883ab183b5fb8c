package drill

import (
	"fmt"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/settings"
)

// productionNode is the machine that a real restore would be made on, as far as somebody said.
type productionNode struct{ cpus int } // 0 is not known

func nodeOf(s settings.Settings) productionNode { return productionNode{int(s.NodeCPUs)} }

// most is how many cores the drill may go by: what it does must be what is done on the node.
func (n productionNode) most(cores int) int {
	if n.cpus == 0 {
		return cores
	}
	return min(cores, n.cpus)
}

// beside is what the report says of the node's cores, after the sandbox's.
func (n productionNode) beside(cores int) string {
	switch {
	case n.cpus == 0:
		return ""
	case cores > n.cpus:
		return fmt.Sprintf(", and production's node has %d: -cpus %d would measure it (Incus, Docker)", n.cpus, n.cpus)
	}
	return fmt.Sprintf(", and production's node has %d", n.cpus)
}

// A replay is the work of the startup process, of one that writes pages out, and of those that fetch segments ahead.
const replayers = 2 + 4

// rto is the most that a restore and a replay would take with the node's cores: what was done with several at once is
// taken to have kept them all busy, so that it takes so much longer with fewer. It is 0 where there are no fewer.
func (n productionNode) rto(restore, replay time.Duration, with pgbackrest.Processes, cores int) time.Duration {
	if n.cpus == 0 || cores <= n.cpus {
		return 0
	}
	slower := func(took time.Duration, processes int) time.Duration {
		return time.Duration(float64(took) * float64(min(processes, cores)) / float64(min(processes, n.cpus)))
	}
	processes := with.Count()
	if processes == 0 {
		processes = cores // of the conf, and not a number: as many as can be
	}
	return slower(restore, processes) + slower(replay, replayers)
}

// costs says what the RTO is on the node, and whether that is within its budget.
func (n productionNode) costs(rto, onNode, budget time.Duration) string {
	beyond := ""
	if rto <= budget && onNode > budget {
		beyond = fmt.Sprintf("; that may be more than the budget of %s", budget)
	}
	return fmt.Sprintf("RTO %s here, and at most %s with the %d cores of production's node, by reckoning%s",
		rto.Round(time.Second), onNode.Round(time.Second), n.cpus, beyond)
}
