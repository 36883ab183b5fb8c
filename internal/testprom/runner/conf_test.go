package runner

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A start that failed is of the conf's own stanza where one was asked for, and never of the one in the old file.
func TestStanza_OfAFailedStartIsThatOfTheConf(t *testing.T) {
	dir := recording(t)
	one, two := filepath.Join(t.TempDir(), "pgbackrest.conf"), filepath.Join(t.TempDir(), "pgbackrest.conf")
	const conf = "[global]\nrepo1-path=/x\n# [no]\n[global:backup]\n[asked]\npg1-path=[/y]\n[asked:backup]\n"
	require.NoError(t, os.WriteFile(one, []byte(conf), 0o600))
	require.NoError(t, os.WriteFile(two, []byte(conf+"[other]\n"), 0o600))
	for command, want := range map[string]string{
		"drill.test -nosuch -conf " + one:                  "asked",
		"drill.test -nosuch -conf=" + one:                  "asked",
		"drill.test -nosuch -conf " + one + " -stanza own": "own",
		"drill.test -nosuch -conf " + two:                  "unknown",
		"drill.test -nosuch -conf " + two + "x":            "unknown",
		"drill.test -nosuch":                               "demo",
	} {
		prom := filepath.Join(t.TempDir(), "drill.prom")
		w, out, _ := world(bytes.NewReader(passing(t)))
		require.Zero(t, Main([]string{"-textfile", prom}, w), out)
		w.Env = os.Environ()
		w.Stderr = w.Stdout
		code := Main(append([]string{"-textfile", prom, "--"}, strings.Fields(filepath.Join(dir, command))...), w)
		assert.Equal(t, 2, code, out)
		assert.Contains(t, out.String(), "drill of stanza "+want+" in ", command)
	}
}

// The variable counts as the flag does, and conf.d as the conf does which is at pgBackRest's own place, whatever the
// name it is asked for by; beside another one it counts for nothing.
func TestStanzaOfConf(t *testing.T) {
	dir := t.TempDir()
	conf, other := filepath.Join(dir, "pgbackrest.conf"), filepath.Join(dir, "other.conf")
	require.NoError(t, os.WriteFile(conf, []byte("[global]\n"), 0o600))
	require.NoError(t, os.WriteFile(other, []byte("[shop]\n"), 0o600))
	asked := &run{options: options{command: []string{"x"}}, World: World{Env: []string{"DRILL_CONF=" + conf}}}
	assert.Equal(t, "unknown", asked.stanzaOfConf())
	require.NoError(t, os.Mkdir(filepath.Join(dir, "conf.d"), 0o700))
	main := filepath.Join(dir, "conf.d", "a.conf")
	require.NoError(t, os.WriteFile(main, []byte("[main]\r\n"), 0o600))
	assert.Equal(t, "unknown", asked.stanzaOfConf(), "conf.d of a conf that is not at pgBackRest's place")

	old := filepath.Join(dir, "old.conf")
	require.NoError(t, os.Symlink(conf, old))
	places := confPlaces{[]string{conf, old}, filepath.Dir(main)}
	assert.Equal(t, []string{main}, places.beside(old), "by another name")
	assert.Empty(t, places.beside(other))
	places.confs = []string{filepath.Join(dir, "none"), other}
	assert.Equal(t, []string{main}, places.beside(other))

	assert.Empty(t, (&run{World: asked.World}).stanzaOfConf(), "a stream that is read was not asked")
	asked.Env = nil
	assert.Empty(t, asked.stanzaOfConf())
}
