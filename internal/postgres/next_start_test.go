package postgres

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/host"
)

// starting is a machine that answers a start with words, and has the libraries with a name.
type starting struct {
	host.Host
	code  int
	said  string
	asked bool
}

func (h *starting) Run(_ context.Context, c host.Command) (host.Result, error) {
	switch {
	case strings.HasSuffix(c.Argv[0], "/pg_config"):
		return host.Result{Stdout: []byte("/lib\n")}, nil
	case strings.HasSuffix(c.Argv[0], "/postgres"):
		h.asked = slices.Contains(c.Argv, "ssl=off")
		if h.code == 0 {
			return host.Result{}, nil
		}
		return host.Result{}, &host.ExitError{Code: h.code, Result: host.Result{Stderr: []byte(h.said)}}
	case c.Argv[len(c.Argv)-1] == "/lib/auto_explain.so":
		return host.Result{}, nil
	}
	return host.Result{}, &host.ExitError{Code: 1}
}

// What the server itself says of its configuration is told; where it cannot be asked nothing is. It is not asked for
// its keys, whose passphrase somebody may have to type.
func TestNextStart(t *testing.T) {
	const at = "2026-08-23 04:00:00.123 UTC [4711] "
	const locale = at + `LOG:  invalid value for parameter "lc_messages": "xx"` + "\n" + at + "FATAL:  it has errors\n"
	named := func(value string) Restored {
		return Restored{Settings: []Setting{{"session_preload_libraries", value, mainConf, 7}}}
	}
	for name, c := range map[string]struct {
		version  string
		code     int
		said     string
		restored Restored
		asked    bool
		want     string
	}{
		"it starts":       {"15.1", 0, "", Restored{}, true, ""},
		"a locale":        {"15.1", 1, locale, Restored{}, true, `here: LOG:  invalid value for parameter`},
		"it was killed":   {"15.1", 137, locale, Restored{}, true, ""},
		"it cannot tell":  {"14.9", 1, locale, Restored{}, false, ""},
		"no conf":         {"18.0", 1, locale, Restored{Missing: []string{mainConf}}, false, ""},
		"one is not here": {"14.9", 0, "", named("auto_explain, none"), false, ":7: session_preload"},
		"all are":         {"14.9", 0, "", named("auto_explain"), false, ""},
		"none is named":   {"14.9", 0, "", named(""), false, ""},
	} {
		h := &starting{code: c.code, said: c.said}
		s := Server{Host: h, Data: "/pg", Kept: true, Restored: c.restored}
		s.Installation = Installation{Version: c.version, BinDir: "/bin"}
		notes := s.NextStart(t.Context())
		assert.Equal(t, c.asked, h.asked, name)
		if c.want == "" {
			assert.Empty(t, notes, name)
			continue
		}
		if assert.Len(t, notes, 1, name) {
			assert.Contains(t, notes[0], c.want, name)
		}
	}
}
