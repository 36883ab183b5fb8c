package command

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/testprom/evidence"
)

// newest is what the newest drill was, and what the gate says.
type newest struct {
	name string
	edit func(*evidence.Run)
	args []string
	exit int
	want string
}

func newestOnes() []newest {
	same := func(*evidence.Run) {}
	as := func(verdict string, exit int, why string) func(*evidence.Run) {
		return func(r *evidence.Run) { r.Verdict, r.Exit, r.Reason = verdict, exit, why }
	}
	return []newest{
		{"a pass", same, nil, 0, "OPEN  entry 8, drill of stanza demo, pass (none), 2026-09-08T03:00:00Z, 0s ago"},
		{"a failure", as("fail", 1, "wal_missing"), nil, 1, "the newest drill did not pass: fail, wal_missing"},
		{"no verdict", as("environment", 2, "repo_unreachable"), nil, 1, "did not pass: environment, repo_unreachable"},
		{"a pass that was not cleaned up", as("environment", 2, "sandbox_failed"), nil, 1, "did not pass"},
		{"words that contradict each other", as("pass", 1, "none"), nil, 1, "did not pass"},
		{
			"older than asked", func(r *evidence.Run) { r.Ended = now().Add(-2 * time.Hour) },
			[]string{"-max-age", "1h"},
			1,
			"is 2h0m0s old, and may be 1h0m0s",
		},
		{"judged late", func(r *evidence.Run) { r.Ended = now().Add(-9 * day) }, nil, 1, "is 9.0 days old"},
		{"young enough", func(r *evidence.Run) { r.Ended = now().Add(-7 * day) }, nil, 0, "OPEN"},
		{"from the future", func(r *evidence.Run) { r.Ended = now().Add(2 * time.Hour) }, nil, 1, "from the future"},
		{"of that stanza", same, []string{"-stanza", "demo"}, 0, "OPEN"},
		{
			"of another stanza", same,
			[]string{"-stanza", "veza"},
			1, "no drill of the present repository of stanza veza",
		},
		{"of two stanzas", func(r *evidence.Run) { r.Stanza = "veza" }, nil, 1, "stanzas demo, veza: say which one"},
		{"of the second stanza", func(r *evidence.Run) { r.Stanza = "veza" }, []string{"-stanza", "veza"}, 0, "OPEN"},
		{"of a stanza it could not tell", func(r *evidence.Run) {
			r.Stanza = "unknown"
			as("environment", 2, "build_failed")(r)
		}, []string{"-stanza", "demo"}, 1, "did not pass: environment, build_failed"},
		{"backup checks, after a pass of two days ago", func(r *evidence.Run) {
			r.Suite = "backup"
			as("fail", 1, "no_backup")(r)
		}, nil, 0, "OPEN  entry 6"},
		{"of the repository as it was", func(r *evidence.Run) {
			r.Scope.AsOf = "2026-01-01T00:00:00Z"
			as("fail", 1, "no_backup")(r)
		}, nil, 0, "OPEN  entry 6"},
		{"of a cluster that was left", func(r *evidence.Run) {
			r.Scope.Left = "PostgreSQL 15"
			as("fail", 1, "no_backup")(r)
		}, nil, 0, "OPEN  entry 6"},
		{"with every check", same, []string{"-require", "compare, deep,readonly"}, 0, "OPEN"},
		{"with one by its name", same, []string{"-require", "amcheck"}, 0, "OPEN"},
		{
			"without a comparison", func(r *evidence.Run) { r.Checks.Passed = []string{"amcheck"} },
			[]string{"-require", "compare,readonly"},
			1, "did not prove compare (not asked), readonly (not asked)",
		},
		{"with a comparison of a part", func(r *evidence.Run) {
			r.Checks = evidence.Checks{Passed: []string{"amcheck"}, LeftOut: []string{"compare"}}
		}, []string{"-require", "compare,deep"}, 1, "did not prove compare (left out)"},
		{"without deeper checks", func(r *evidence.Run) {
			r.Checks = evidence.Checks{Passed: []string{"readonly"}, NotAsked: []string{"amcheck", "files"}}
		}, []string{"-require", "deep,readonly"}, 1, "did not prove amcheck (not asked), files (not asked)"},
		{"with a deeper check left out", func(r *evidence.Run) {
			r.Checks = evidence.Checks{Passed: []string{"files"}, LeftOut: []string{"amcheck"}}
		}, []string{"-require", "deep"}, 1, "did not prove amcheck (left out)"},
		{
			"with nothing known of checks", func(r *evidence.Run) { r.Checks = evidence.Checks{} },
			[]string{"-require", "deep"},
			1, "did not prove deep (not asked)",
		},
		{"with a key that may write", func(r *evidence.Run) {
			r.Checks = evidence.Checks{Failed: []string{"readonly"}}
		}, []string{"-require", "readonly"}, 1, "did not prove readonly (failed)"},
		{
			"with a check that there is not", same,
			[]string{"-require", "compares"},
			2, `-require "compares": there are compare, deep`,
		},
		{"with an age that is none", same, []string{"-max-age", "soon"}, 2, "write it as 8d or 36h"},
	}
}

func TestGate(t *testing.T) {
	for _, c := range newestOnes() {
		t.Run(c.name, func(t *testing.T) {
			m := make7(t)
			m.drill(t, now(), c.edit)
			exit, out := m.run(append([]string{"gate", m.dir, "-key", m.pub()}, c.args...)...)
			assert.Equal(t, c.exit, exit, out)
			assert.Contains(t, out, c.want)
		})
	}
}

// Without the right key nothing opens the gate.
func TestGate_AsksForTheKey(t *testing.T) {
	m := make7(t)
	for want, c := range map[string]struct {
		args []string
		exit int
	}{
		"OPEN":                     {[]string{"-key", m.pub()}, 0},
		"-key PUB is missing":      {nil, 2},
		"no such file":             {[]string{"-key", m.key + ".gone"}, 2},
		"name the public key":      {[]string{"-key", m.key}, 2},
		"is signed by another key": {[]string{"-key", m.other + ".pub"}, 1},
		"holds no evidence":        {[]string{"-key", m.pub(), "--", os.TempDir()}, 2},
		"is one word too many":     {[]string{"-key", m.pub(), m.dir}, 2},
		"-max-age":                 {[]string{"-key", m.pub(), "-maxage", "8d"}, 2},
	} {
		args := []string{"gate", m.dir}
		if want == "holds no evidence" {
			args = args[:1]
		}
		exit, out := m.run(append(args, c.args...)...)
		assert.Equal(t, c.exit, exit, want)
		assert.Contains(t, out, want)
	}
}

func TestGate_WithoutADrill(t *testing.T) {
	m := make7(t)
	require.NoError(t, os.RemoveAll(m.dir))
	require.NoError(t, os.Mkdir(m.dir, 0o755))
	m.drill(t, now(), func(r *evidence.Run) { r.Suite = "backup" })
	exit, out := m.run("gate", m.dir, "-key", m.pub())
	assert.Equal(t, 1, exit)
	assert.Contains(t, out, "CLOSED  there is no drill of the present repository")
}

func TestAge(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"8d": 8 * day, "1d12h": 36 * time.Hour, "36h": 36 * time.Hour, "0.5d": 12 * time.Hour, "90m": 90 * time.Minute,
	} {
		var a age
		require.NoError(t, a.Set(text))
		assert.Equal(t, want, time.Duration(a))
		var again age
		require.NoError(t, again.Set(a.String()))
		assert.Equal(t, a, again)
	}
	for _, text := range []string{"", "8", "d", "-8d", "0d", "8d-9d", "NaNd", "1e99d", "weekly", "8d8d", "0s"} {
		var a age
		assert.Error(t, a.Set(text), text)
	}
}
