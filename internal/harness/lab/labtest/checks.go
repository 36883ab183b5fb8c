package labtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/harness/drilltest"
	"veza.fr/recovery/internal/reason"
)

// checks: the backup checks pass on the lab's own stanza, with its primary asked, one row
// written and its archive_timeout of a minute; without -primary two claims are not asked.
func checks(t *testing.T, s *labSuite) {
	b := s.place(t)
	run := func(name string, args ...string) drilltest.Outcome {
		return drilltest.Start(t, drilltest.Plan{
			Programs: b.programs, Dir: b.dir, Tmp: b.tmp(), Out: b.out(), Name: name, Env: b.env, Suite: "backup",
			Args: append([]string{"-conf", b.conf, "-stanza", b.lab.Stanza}, args...),
		}).End()
	}
	for _, c := range []struct {
		name string
		args []string
		left []string // claims that are not asked
	}{
		{"alone", nil, []string{"rpo", "retention"}},
		{"primary", []string{"-primary", s.lab.Primary(), "-write"}, []string{"retention"}},
	} {
		o := run(c.name, c.args...)
		b.verdict(o, reason.ExitPass, reason.None)
		for _, claim := range o.Report.Steps {
			want := "passed"
			if slices.Contains(c.left, claim.Name) {
				want = "not asked"
			}
			assert.Equal(t, want, claim.Outcome, claim.Name)
		}
		assert.Contains(t, o.Prom,
			fmt.Sprintf(`veza_backup_check_checks{stanza=%q,status="not_asked"} %d`, s.lab.Stanza, len(c.left)))
		assert.Equal(t, len(c.left) == 1, strings.Contains(o.Prom, "veza_backup_check_rpo_seconds{"))
	}
}
