package acceptance

import (
	"os"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/drilltest"
)

type outcome = drilltest.Outcome

// flight is a drill of a copy under way.
type flight struct {
	*patient
	*drilltest.Flight
}

// start starts the drill of the copy through testprom, as a user would: nothing of the
// environment but PATH and TMPDIR, and what the case adds.
func (p *patient) start(name string, env []string, args ...string) *flight {
	p.t.Helper()
	return p.startAs(nil, name, env, args...)
}

// check runs the backup checks on the copy from begin to end.
func (p *patient) check(env []string, args ...string) outcome {
	p.t.Helper()
	bin, err := programs()
	require.NoError(p.t, err)
	return drilltest.Start(p.t, drilltest.Plan{
		Programs: bin, Dir: p.dir, Tmp: p.tmp(), Out: p.out(""), Name: "check", Env: env, Args: args, Suite: "backup",
	}).End()
}

// startAs starts it behind a command that makes it another user's; who is that
// user already, needs none.
func (p *patient) startAs(prefix []string, name string, env []string, args ...string) *flight {
	p.t.Helper()
	if os.Geteuid() != 0 {
		prefix = nil
	}
	bin, err := programs()
	require.NoError(p.t, err)
	return &flight{p, drilltest.Start(p.t, drilltest.Plan{
		Programs: bin, Dir: p.dir, Tmp: p.tmp(), Out: p.out(""), Name: name, Env: env, Prefix: prefix, Args: args,
	})}
}

// drill runs one from begin to end. rpo is wide: the seed is as old as these tests.
func (p *patient) drill(env []string, args ...string) outcome {
	p.t.Helper()
	return p.start("drill", env, args...).End()
}

// usual are the arguments that make the drill look at the copy.
func (p *patient) usual(args ...string) []string {
	usual := []string{"-conf", p.conf(), "-rpo", "24h"}
	for _, arg := range args {
		usual = append(usual, p.fill(arg))
	}
	return usual
}
