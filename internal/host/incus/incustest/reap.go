package incustest

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host/hosttest"
	"veza.fr/recovery/internal/host/incus"
	"veza.fr/recovery/internal/sandbox"
)

// owners, as they stand in the tags: a process that has ended, one from before this
// machine was last started, and one of another machine.
const (
	dead      = "dead"
	rebooted  = "rebooted"
	elsewhere = "elsewhere"
)

// leftover is an instance as another run of the stanza has left it.
func leftover(t *testing.T, s *incus.Sandbox, stanza, kind string, config map[string]string) {
	t.Helper()
	own := strings.Fields(command(t, "incus", "config", "get", "local:"+s.Name(), "user.veza-drill.owner"))
	require.Len(t, own, 4)
	switch kind {
	case dead:
		own[3] = "1"
	case rebooted:
		own[1] = "boot-before"
	case elsewhere:
		own[0] = "another@machine"
	}
	pairs := []string{
		"config",
		"set",
		"local:" + s.Name(),
		"user.veza-drill.owner=" + strings.Join(own, " "),
		"user.veza-drill.stanza=" + stanza,
	}
	for key, value := range config {
		pairs = append(pairs, "user.veza-drill."+key+"="+value)
	}
	command(t, "incus", pairs...)
}

// testReap removes what no run owns, and nothing else.
func testReap(t *testing.T) {
	hosttest.PublicTemp(t) // the locks are there
	future, past := strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10), strconv.FormatInt(
		time.Now().Add(-time.Hour).Unix(),
		10,
	)
	for name, c := range map[string]struct {
		owner  string
		config map[string]string
		gone   bool
		says   string
	}{
		"Dead":            {dead, nil, true, "process is dead"},
		"Rebooted":        {rebooted, nil, true, "process is dead"},
		"DeadAndKept":     {dead, map[string]string{"kept": "true", "expires": future}, false, ""},
		"KeptTooLong":     {dead, map[string]string{"kept": "true", "expires": past}, true, "time is over"},
		"Elsewhere":       {elsewhere, map[string]string{"expires": future}, false, ""},
		"ElsewhereTooOld": {elsewhere, map[string]string{"expires": past}, true, "another machine"},
		"Own":             {"", map[string]string{"expires": past}, false, ""},
		"NotOurs":         {dead, map[string]string{"run": ""}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			stanza := "reap" + strings.ToLower(name)
			s := Launch(t, incus.Provider{}, sandbox.Spec{})
			leftover(t, s, stanza, c.owner, c.config)
			lines, err := here(incus.Provider{}).Reap(soon(t), "another")
			require.NoError(t, err)
			require.NotContains(t, strings.Join(lines, "\n"), s.Name()+",")
			require.Error(t, s.Gone(soon(t)), "another stanza's are left alone")
			lines, err = here(incus.Provider{}).Reap(soon(t), stanza)
			require.NoError(t, err)
			if !c.gone {
				assert.Empty(t, lines)
				assert.Error(t, s.Gone(soon(t)))
				return
			}
			require.Len(t, lines, 1)
			for _, text := range []string{"removed " + s.Name(), t.Name(), c.says} {
				assert.Contains(t, lines[0], text)
			}
			if err = s.Gone(soon(t)); c.owner == elsewhere { // sockets on that machine are its own business
				assert.ErrorContains(t, err, "/run/veza-drill/")
				assert.NotContains(t, err.Error(), "instance")
				return
			}
			assert.NoError(t, err)
		})
	}
	t.Run("AllStanzas", testReapAll)
}

// testKept lists what -keep left, and removes that whose run is over and was one of this machine.
func testKept(t *testing.T) {
	hosttest.PublicTemp(t) // the locks are there
	future := strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10)
	past := strconv.FormatInt(time.Now().Add(-time.Hour).Unix(), 10)
	for name, c := range map[string]struct {
		owner   string
		expires string
		listed  bool
		refused string
	}{
		"Dead": {dead, future, true, ""}, "Rebooted": {rebooted, future, true, ""},
		"Elsewhere": {elsewhere, future, true, "another machine"}, "Own": {"", future, true, "is alive"},
		"TooOld": {dead, past, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := Launch(t, incus.Provider{}, sandbox.Spec{})
			config := map[string]string{"kept": "true", "expires": c.expires}
			leftover(t, s, "kept"+strings.ToLower(name), c.owner, config)
			list, err := here(incus.Provider{}).Kept(soon(t))
			require.NoError(t, err)
			list = slices.DeleteFunc(list, func(k sandbox.Kept) bool { return k.Name != s.Name() })
			if !c.listed {
				assert.Empty(t, list)
				return
			}
			require.Len(t, list, 1)
			assert.Equal(t, "kept"+strings.ToLower(name), list[0].Stanza)
			assert.WithinDuration(t, time.Now().Add(time.Hour), list[0].Until, 5*time.Minute)
			err = list[0].Remove(soon(t))
			if c.refused != "" {
				require.ErrorContains(t, err, c.refused)
				assert.Error(t, s.Gone(soon(t)))
				return
			}
			require.NoError(t, err)
			assert.NoError(t, s.Gone(soon(t)))
		})
	}
}

// testReapAll: a locked stanza's are left alone and named.
func testReapAll(t *testing.T) {
	s := Launch(t, incus.Provider{}, sandbox.Spec{})
	leftover(t, s, "reapall", dead, nil)
	lock, err := sandbox.Acquire("reapall")
	require.NoError(t, err)
	lines, err := here(incus.Provider{}).Reap(soon(t), "")
	require.NoError(t, err)
	assert.Contains(t, strings.Join(lines, "\n"), "left "+s.Name()+" alone: stanza \"reapall\" is locked")
	require.NoError(t, lock.Release())
	lines, err = here(incus.Provider{}).Reap(soon(t), "")
	require.NoError(t, err)
	assert.Contains(t, strings.Join(lines, "\n"), "removed "+s.Name())
	require.NoError(t, s.Gone(soon(t)))
}

// testReapSockets: a directory of sockets whose process is dead goes, one that lives stays.
func testReapSockets(t *testing.T) {
	s := Launch(t, incus.Provider{}, sandbox.Spec{})
	own := command(t, "incus", "config", "get", "local:"+s.Name(), "user.veza-drill.owner")
	fields := strings.Fields(own)
	stale, living := "/run/veza-drill/stale.aaaaaaaa", "/run/veza-drill/living.aaaaaaaa"
	fields[3] = "1"
	for dir, owner := range map[string]string{stale: strings.Join(fields, " "), living: own} {
		require.NoError(t, os.MkdirAll(dir, 0o700))
		t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
		require.NoError(t, os.WriteFile(filepath.Join(dir, "owner"), []byte(owner), 0o600))
	}
	_, err := here(incus.Provider{}).Reap(soon(t), "no-such-stanza")
	require.NoError(t, err)
	assert.NoDirExists(t, stale)
	assert.DirExists(t, living)
}
