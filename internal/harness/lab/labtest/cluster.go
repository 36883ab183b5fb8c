package labtest

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/drilltest"
	"veza.fr/recovery/internal/harness/lab"
	"veza.fr/recovery/internal/reason"
)

// crowded is a project of the cluster whose limits a sandbox comes up against.
const crowded = "veza-drill-crowded"

// clusterBench is a place for drills into the lab's Incus cluster.
type clusterBench struct {
	*bench
	cluster lab.Cluster
}

// RunCluster runs every claim about an Incus cluster against the one of the lab that is up.
func RunCluster(t *testing.T) {
	t.Helper()
	s := open(t)
	cluster, err := s.lab.Cluster(t.Context())
	require.NoError(t, err)
	b := clusterBench{s.place(t), cluster}
	b.env = []string{"INCUS_CONF=" + cluster.Conf, "INCUS_SOCKET=/nonexistent"}
	b.cli, b.args = []string{"INCUS_CONF=" + cluster.Conf}, []string{"-incus-remote", cluster.Remote, "-deep", "none"}
	for _, claim := range []struct {
		name string
		test func(clusterBench, *testing.T)
	}{
		{"TheSandboxGoesWhereItIsSent", clusterBench.sent},
		{"ATargetThatIsNotThere", clusterBench.nowhere},
		{"ThreeStanzasAtOnce", clusterBench.three},
		{"ARestrictedProject", clusterBench.restricted},
		{"ALimitOfTheProjectIsWaitedFor", clusterBench.crowded},
		{"ALimitThatCanNeverBeKept", clusterBench.tooSmall},
		{"AMemberLostInRestore", clusterBench.memberLost},
	} {
		t.Run(claim.name, func(t *testing.T) {
			own := *b.bench
			own.t = t
			claim.test(clusterBench{&own, cluster}, t)
		})
	}
}

// sent: to the member, or to a member of the group, that -incus-target names.
func (b clusterBench) sent(t *testing.T) {
	first, last := b.cluster.Members[0], b.cluster.Members[len(b.cluster.Members)-1]
	for target, member := range map[string]string{first: first, "@" + b.cluster.Group: last} {
		o := b.start("sent", "-incus-target", target).End()
		b.verdict(o, reason.ExitPass, reason.None)
		assert.Contains(t, o.Said, "on "+member, target)
		b.nothingLeft()
	}
}

// nowhere: nothing is made, and nothing of that name that is somebody else's is removed.
func (b clusterBench) nowhere(t *testing.T) {
	for _, target := range []string{"@nobodys", "nobody"} {
		o := b.start("nowhere", "-incus-target", target).End()
		b.verdict(o, reason.ExitEnvironment, reason.SandboxFailed)
		assert.Contains(t, o.Report.Detail, "nobody")
		assert.Equal(t, "launch", o.Report.Step)
	}
}

// crowded: a limit that another instance uses up is waited for, and the drill goes on when that is gone.
func (b clusterBench) crowded(t *testing.T) {
	b = b.project("limits.instances=1")
	b.incus("init", b.lab.Major.Sandbox(), "other")
	f := b.start("crowded")
	f.Hear("waiting for room in project " + crowded)
	b.incus("delete", "--force", "other")
	b.verdict(f.End(), reason.ExitPass, reason.None)
	b.nothingLeft()
}

// tooSmall: what goes beyond the limits on its own is said at once.
func (b clusterBench) tooSmall(t *testing.T) {
	b = b.project("limits.memory=256MiB")
	o := b.start("large").End()
	b.verdict(o, reason.ExitEnvironment, reason.SandboxFailed)
	assert.Contains(t, o.Report.Detail, "-memory")
	b.nothingLeft()
}

// project makes a project with a limit, for one claim.
func (b clusterBench) project(limit string) clusterBench {
	b.makeProject(crowded)
	b.incus("project", "set", crowded, limit)
	own := *b.bench
	own.cli = append(slices.Clone(b.cli), "INCUS_PROJECT="+crowded)
	own.args = append(slices.Clone(b.args), "-incus-project", crowded)
	own.incus("profile", "device", "add", "default", "root", "disk", "path=/", "pool=pool")
	return clusterBench{&own, b.cluster}
}

// memberLost: the drill says that it learned nothing, the next one goes to the other member, and the one after the
// lost member is back removes what is left there.
func (b clusterBench) memberLost(t *testing.T) {
	first, last := b.cluster.Members[0], b.cluster.Members[len(b.cluster.Members)-1]
	f := b.start("lost", "-incus-target", last)
	f.Reach("restore")
	require.NoError(t, b.lab.Stop(t.Context(), last))
	back := func() { require.NoError(t, b.lab.StartMember(context.WithoutCancel(t.Context()), last)) }
	t.Cleanup(back) // it may be back already
	b.verdict(f.End(), reason.ExitEnvironment, reason.SandboxFailed)
	drilltest.Eventually(t, "the cluster to miss "+last, func() string {
		said, _ := b.tryIncus("list", "--format=csv", "--columns=sL")
		if strings.Contains(said, "ERROR,"+last) {
			return ""
		}
		return said
	})

	o := b.start("other").End()
	b.verdict(o, reason.ExitPass, reason.None)
	assert.Contains(t, o.Said, "on "+first)
	assert.Contains(t, o.Said, last+", the member of the cluster that it is on, does not answer")
	o = b.start("nobody", "-incus-target", "@"+b.cluster.Group).End()
	b.verdict(o, reason.ExitEnvironment, reason.SandboxFailed)
	assert.Contains(t, o.Report.Detail, "cluster member")

	back()
	drilltest.Eventually(t, last+" to be back", func() string {
		said, err := b.tryIncus("list", "--format=csv", "--columns=s")
		if err != nil || strings.Contains(said, "ERROR") {
			return said
		}
		return ""
	})
	o = b.clean()
	assert.Contains(t, o.Said, "of an earlier run: removed")
}
