package acceptance

import (
	"os"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/drilltest"
)

type outcome = drilltest.Outcome

// flight is a drill of a copy under way.
type flight struct {
	*repoCopy
	*drilltest.Flight
}

// start starts the drill of the copy through testprom, as a user would: nothing of the
// environment but PATH and TMPDIR, and what the case adds.
func (rc *repoCopy) start(name string, env []string, args ...string) *flight {
	rc.t.Helper()
	return rc.startAs(nil, name, env, args...)
}

// check runs the backup checks on the copy from begin to end.
func (rc *repoCopy) check(env []string, args ...string) outcome {
	rc.t.Helper()
	bin, err := programs()
	require.NoError(rc.t, err)
	return drilltest.Start(rc.t, drilltest.Plan{
		Programs: bin, Dir: rc.dir, Tmp: rc.tmp(), Out: rc.out(""), Name: "check", Env: env, Args: args,
		Suite: "backup",
	}).End()
}

// startAs starts it through a command that makes it another user's; who is that
// user already, needs none.
func (rc *repoCopy) startAs(prefix []string, name string, env []string, args ...string) *flight {
	rc.t.Helper()
	if os.Geteuid() != 0 {
		prefix = nil
	}
	bin, err := programs()
	require.NoError(rc.t, err)
	return &flight{rc, drilltest.Start(rc.t, drilltest.Plan{
		Programs: bin, Dir: rc.dir, Tmp: rc.tmp(), Out: rc.out(""), Name: name, Env: env, Prefix: prefix, Args: args,
	})}
}

// drill runs one from begin to end. rpo is wide: the seed is as old as these tests.
func (rc *repoCopy) drill(env []string, args ...string) outcome {
	rc.t.Helper()
	return rc.start("drill", env, args...).End()
}

// drillArgs are the arguments that make the drill look at the copy.
func (rc *repoCopy) drillArgs(args ...string) []string {
	usual := []string{"-conf", rc.conf(), "-rpo", "24h"}
	for _, arg := range args {
		usual = append(usual, rc.fill(arg))
	}
	return usual
}
