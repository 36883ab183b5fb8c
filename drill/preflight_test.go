package drill

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/environment"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/session"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
)

// Settings that will not do what they seem to are said, and only those.
func TestWarn(t *testing.T) {
	late, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for name, c := range map[string]struct {
		ctx   context.Context
		env   environment.Environment
		asked settings.Settings
		says  string
	}{
		"time enough": {late, environment.Environment{}, settings.Settings{RTO: time.Second}, ""},
		"no deadline": {t.Context(), environment.Environment{}, settings.Settings{RTO: time.Hour}, ""},
		"too little time": {
			late,
			environment.Environment{},
			settings.Settings{RTO: time.Hour},
			"less than the RTO budget of 1h0m0s",
		},
		"an image that is used": {late, environment.Environment{}, settings.Settings{Image: "x"}, ""},
		"an image for nothing": {
			late,
			environment.Environment{Local: true},
			settings.Settings{Image: "x"},
			"-image x is not used",
		},
		"a directory, no image": {late, environment.Environment{Local: true}, settings.Settings{}, ""},
	} {
		var heard recorder
		warn(c.ctx, suite.NewOut(&heard), c.env, c.asked)
		if c.says == "" {
			assert.Empty(t, heard.String(), name)
		} else {
			assert.Contains(t, heard.String(), c.says, name)
		}
	}
}

// Deeper checks that are cut where the restore takes its whole budget are said before it begins.
func TestWarnOfDeadline(t *testing.T) {
	all := []string{"amcheck"}
	for name, c := range map[string]struct {
		left, rto, budget time.Duration
		deep              []string
		says              string
	}{
		"to the second":   {45*time.Minute + deepReserve, 30 * time.Minute, 15 * time.Minute, all, ""},
		"a second less":   {45*time.Minute + 4*time.Second, 30 * time.Minute, 15 * time.Minute, all, "to 14m59s"},
		"nothing is left": {time.Hour, time.Hour, time.Minute, all, "is cut to 0s"},
		"no checks":       {time.Hour, time.Hour, time.Minute, nil, ""},
		"no restore":      {time.Minute, time.Hour, time.Minute, all, "less than the RTO budget of 1h0m0s"},
	} {
		var heard recorder
		warnOfDeadline(suite.NewOut(&heard), c.left, settings.Settings{RTO: c.rto, CheckBudget: c.budget, Deep: c.deep})
		assert.Contains(t, heard.String(), c.says, name)
		assert.Equal(t, c.says == "", heard.String() == "", "%s: %s", name, heard.String())
	}
}

// An older pgBackRest may not read what a newer one wrote; and on this machine PostgreSQL must
// be the one the backup is of, before anything is launched.
func TestCheckVersions(t *testing.T) {
	full, _ := twoSets(t)
	for name, c := range map[string]struct {
		here  string
		local bool
		box   map[string]answer
		want  reason.Reason
	}{
		"the same":                   {"2.45", true, found(), ""},
		"a newer one":                {"2.60.0", true, found(), ""},
		"an older one":               {"2.44", true, found(), reason.VersionMismatch},
		"no PostgreSQL here":         {"2.45", true, nil, reason.ToolMissing},
		"none here, and none needed": {"2.45", false, nil, ""},
	} {
		box := &machine{answers: c.box}
		if c.box == nil {
			box.answers = map[string]answer{"postgres": {err: errNotThere}}
		}
		p := on(box, full)
		s := session.Session{Control: box, Version: c.here}
		s.Environment.Local = c.local
		requireReason(t, c.want, checkVersions(t.Context(), suite.NewOut(&recorder{}), s, p.plan), name)
	}
}
