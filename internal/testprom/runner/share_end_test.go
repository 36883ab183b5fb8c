package runner

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/suite"
)

// A drill with a -target does not end what another host found at the end of the archive, whatever this host's own files
// say, and tells the others that it is red still. A drill of this host that went there since does. So does one of
// another host that went there since this one found it red.
func TestShare_TheEndIsRedElsewhere(t *testing.T) {
	streams := map[string][]byte{
		"target": aimed(t), "end": passing(t), "red": stream(t, "wal-missing"),
		"red target": bytes.Replace(stream(t, "wal-missing"), []byte("label.stanza"),
			[]byte("label."+suite.TargetLabel), 1),
	}
	const soon, before = time.Hour, -time.Hour // after or before the drills of this host
	mute := errors.New("no answer")
	for name, c := range map[string]struct {
		own    string        // the drill of this host before
		red    time.Duration // when the others found it so; 0 is never
		mute   error
		stream string
		told   int
		end    bool
	}{
		"red there":                       {"end", soon, nil, "target", 1, true},
		"red there, nothing known here":   {"", soon, nil, "target", 1, true},
		"red there, aimed here":           {"target", before, nil, "target", 1, true},
		"red there, and here elsewhere":   {"end", soon, nil, "red target", 1, true},
		"none there":                      {"end", 0, nil, "target", 0, false},
		"green there":                     {"end", soon, nil, "target", 0, false},
		"green there since, red here":     {"red", soon, nil, "target", 0, false},
		"green there since, red twice":    {"red", soon, nil, "red target", 1, false},
		"green there before, red here":    {"red", before, nil, "target", 1, true},
		"green there, nothing known here": {"", soon, nil, "target", 0, false},
		"none there, red here elsewhere":  {"end", 0, nil, "red target", 1, false},
		"red there, green here since":     {"end", before, nil, "target", 0, false},
		"red there, and at the end here":  {"end", soon, nil, "red", 1, true},
		"red there, mended here":          {"end", soon, nil, "end", 0, false},
		"red here":                        {"red", 0, nil, "target", 1, true},
		"no answer":                       {"end", 0, mute, "target", 2, false},
		"no answer, red here elsewhere":   {"end", 0, mute, "red target", 1, true},
		"no answer, and at the end":       {"end", 0, mute, "end", 0, false},
	} {
		dir := t.TempDir()
		file, prom := filepath.Join(dir, "stream"), filepath.Join(dir, "d.prom")
		args := []string{"-textfile", prom, "-report", filepath.Join(dir, "r.json"), "--", "cat", file}
		if c.own != "" {
			require.NoError(t, os.WriteFile(file, streams[c.own], 0o600))
			_, said := among(&others{}, args...)
			require.FileExists(t, prom, said)
		}
		o := &others{mute: c.mute}
		if c.red != 0 {
			o.end = suite.EndElsewhere{At: time.Now().Add(c.red), Red: !strings.HasPrefix(name, "green there")}
		}
		require.NoError(t, os.WriteFile(file, streams[c.stream], 0o600))
		_, said := among(o, append([]string{"-share"}, args...)...)
		assert.Equal(t, []int{c.told}, o.told, "%s: %s", name, said)
		assert.Equal(t, []bool{c.end}, o.ended, name)
		assert.Equal(t, []bool{!strings.Contains(c.stream, "target")}, o.went, name)
		green := 1 // also where nobody answers: this host alone is asked then
		if c.told == 1 {
			green = 0
		}
		assert.Regexp(t, fmt.Sprintf(`(?m)_last_success{.*} %d$`, green), read(t, prom), name)
	}
}
