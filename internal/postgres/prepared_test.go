package postgres

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// What a kept cluster was recovered with stands in the WAL that goes into production: no standby needs more for it than
// production's own, unless the replay did. A drill's clone has room at once.
func TestPrepared(t *testing.T) {
	set := func(value string) Restored {
		return Restored{Settings: []Setting{{preparedSetting, value, mainConf, 1}}}
	}
	for name, c := range map[string]struct {
		server  Server
		control string
		want    string
	}{
		"a drill":                    {Server{}, "0", "256"},
		"a drill, of more":           {Server{}, "300", "300"},
		"kept":                       {Server{Kept: true}, "0", "0"},
		"kept, of some":              {Server{Kept: true}, "64", "64"},
		"the files say more":         {Server{Kept: true, Restored: set("100")}, "0", "100"},
		"the files say less":         {Server{Kept: true, Restored: set("0")}, "64", "64"},
		"the files say nothing sane": {Server{Kept: true, Restored: set("many")}, "64", "64"},
		"the replay asked for more":  {Server{Kept: true, Prepared: 90}, "64", "90"},
		"pg_control says nothing":    {Server{Kept: true}, "", ""},
	} {
		list := c.server.settings(Control{inherited[preparedSetting]: c.control}, nil)
		assert.Equal(t, c.want, c.server.prepared(c.control), name)
		if c.want != "" {
			assert.Contains(t, list, preparedSetting+"="+c.want, name)
		}
	}
}

// The replay says what it lacks, and pg_control how much production had by then.
func TestMorePrepared(t *testing.T) {
	of := func(value string) Control { return Control{inherited[preparedSetting]: value} }
	for name, c := range map[string]struct {
		control string
		had     string
		want    int
	}{
		"raised meanwhile": {"50", "0", 50}, "not said": {"0", "0", minPrepared}, "it had as many": {"300", "300", 0},
	} {
		s := Server{Kept: true, control: of(c.had)}
		assert.Equal(t, c.want, s.MorePrepared(of(c.control)), name)
		assert.Equal(t, c.want, s.Prepared, name)
		assert.Len(t, s.tooFewPrepared(), min(c.want, 1), name)
		for s.Prepared != 0 && s.Prepared < minPrepared { // it may need more than pg_control said
			assert.Equal(t, minPrepared, s.MorePrepared(of(c.control)), name)
		}
		assert.Zero(t, s.MorePrepared(of(c.control)), "%s: it is tried no more", name)
	}
	for line, want := range map[string]bool{
		"maximum number of prepared transactions reached":            true,
		`database "maximum number of prepared transactions reached"`: false,
	} {
		assert.Equal(t, want, Log{Fatal: []string{line}}.LacksPrepared(), line)
	}
}

// The run's own value in the WAL says nothing of production: in a kept cluster it is production's unless it was raised.
func TestTooLow_Prepared(t *testing.T) {
	assert.True(t, (&Server{}).ownPrepared(minPrepared))
	assert.False(t, (&Server{Kept: true}).ownPrepared(minPrepared))
	assert.True(t, (&Server{Kept: true, Prepared: minPrepared}).ownPrepared(minPrepared))
	assert.False(t, (&Server{}).ownPrepared(300))
}
