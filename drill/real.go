package drill

import (
	"context"

	"veza.fr/recovery/internal/environment"
	"veza.fr/recovery/internal/node"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
)

// Real is what veza-restore was asked for.
type Real struct {
	Environment              func(data string) environment.Environment // this machine, with that data directory
	Settings                 *settings.Pending
	To                       string // the data directory
	Plan, Resume, AcceptLoss bool
	// History is a file of -history of the drills, for how long the last one took; "" is none.
	History string
	// Confirm shows what preflight found, and asks; an error of its own ends the run before anything is
	// written. With -yes and with -plan it only shows.
	Confirm func(ctx context.Context, facts []string) error
}

// Restore restores in earnest, by the steps of the drill. It reads like TestDrill.
func Restore(t suite.T, asked Real) {
	run := suite.Begin(t, asked.Suite(), "")
	r := &nodeRestore{Real: asked}
	wanted := request{env: asked.Environment(node.Resolved(asked.To)), pending: asked.Settings, real: r}

	// Everything the drill looks at, and: may this data directory be restored into? Then it asks.
	source := suite.Step(run, "preflight", r.preflight, wanted)
	if asked.Plan {
		return
	}
	machine := suite.Step(run, "launch", launch, source)
	sandbox := suite.Step(run, "provision", provision, machine)
	files := suite.Step(run, "restore", restore, sandbox)
	clone := suite.Step(run, "recover", recoverCluster, files)
	suite.Step(run, "verify", verifyCluster, clone)
	// Stopped cleanly, without a trace of the procedure; or what is there, and what can be done with it.
	suite.Always(run, "handover", r.handOver)
}

// Suite is what is played: with -plan preflight alone.
func (r Real) Suite() suite.Suite {
	if r.Plan {
		return suite.Plan
	}
	return suite.Restore
}

// nodeRestore is a restore for real: what the steps of the drill do otherwise on a node hangs on it, and is nil in a
// drill. Steps hand on values; this is what the hand-over must know of steps that may have failed.
type nodeRestore struct {
	Real
	home   string // of the user who runs PostgreSQL
	place  node.Place
	apart  node.Targets          // what the set goes to apart from the data directory
	plain  []string              // links of the set that do not come back, each a sentence
	known  node.Known            // what the set holds, where one is taken up
	rooms  []node.Volume         // the file systems that are written to, that of the data directory first
	claim  *node.Claim           // nil until something may be written
	again  bool                  // what an interrupted restore left is taken up
	server *postgres.Server      // the last one, started or not; nil before there is any
	late   []postgres.Tablespace // whose records were changed for the replay
	size   uint64                // of a segment, bytes
	taken  string                // what to do about a timeline whose number is in the repository already; "" is nothing
	left   string                // the timeline that a target lies on and recovery leaves; "" is nothing
	grows  string                // what has come into the archive since recovery had ended; "" is nothing
	sound  bool                  // verify has passed
	beside []string              // the other nodes of pg_auto_failover on this machine, each a sentence
	host   string                // pg1-host of the conf: the cluster it names is not on this machine
	lives  string                // the server that works in the directory which the conf names, a sentence; "" is none
}

// suffix tells the lock of a restore from that of a drill: both may be at work.
func (r *nodeRestore) suffix() string {
	if r == nil {
		return ""
	}
	return "-restore"
}

// delta says whether pgBackRest takes up what is there.
func (r *nodeRestore) delta() bool { return r != nil && r.again }

// hold remembers the server for the hand-over.
func (r *nodeRestore) hold(server *postgres.Server) {
	if r != nil {
		r.server = server
	}
}

// closes is what keeps everybody but -resume from starting what pgBackRest has restored; a drill's is its own.
func (r *nodeRestore) closes() string {
	if r == nil {
		return ""
	}
	return postgres.Closed
}
