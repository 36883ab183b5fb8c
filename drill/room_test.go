package drill

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/session"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
)

// What cannot fit is disk_space; what may fit, or fits and harms nobody, is a note; what fits is silence.
func TestJudgeRoom(t *testing.T) {
	const need, gigabyte, full = 100e6, 1e9, reason.DiskSpace
	for name, c := range map[string]struct {
		room    sandbox.Room
		reserve int64
		why     reason.Reason
		says    string // "" is silence
	}{
		"to the byte":           {sandbox.Room{Free: need, Total: need}, 0, "", ""},
		"a byte is missing":     {sandbox.Room{Free: need - 1, Total: need}, 0, full, "needs 100.0 MB"},
		"its own, and room":     {sandbox.Room{Free: 250e6, Total: gigabyte}, 15, "", ""},
		"its own, below":        {sandbox.Room{Free: 180e6, Total: gigabyte}, 15, "", "80.0 MB would be left"},
		"others', to the byte":  {sandbox.Room{Free: 200e6, Total: gigabyte, Shared: true}, 15, "", ""},
		"others', a byte below": {sandbox.Room{Free: 200e6 - 1, Total: gigabyte, Shared: true}, 15, full, "the 15 %"},
		"others', no reserve":   {sandbox.Room{Free: need, Total: gigabyte, Shared: true}, 0, "", ""},
		"others', 5 %":          {sandbox.Room{Free: 150e6, Total: gigabyte, Shared: true}, 5, "", ""},
		"twice what it takes":   {sandbox.Room{Free: 2 * need, Total: 1000 * gigabyte, Shared: true}, 15, "", ""},
		"may compress":          {sandbox.Room{Free: 10e6, Total: gigabyte, Doubt: "it may"}, 15, "", "since it may"},
		"others', and it may": {
			sandbox.Room{Free: need, Total: gigabyte, Doubt: "x", Shared: true}, 15, "", "0.0 MB would be left",
		},
		"nothing is free": {sandbox.Room{Total: gigabyte}, 15, full, "0.0 MB of 1000.0 MB are free in it"},
	} {
		c.room.Place, c.room.Mend = "it", "free some"
		note, err := judgeRoom(c.room, need, c.reserve)
		requireReason(t, c.why, err, name)
		said := note
		if err != nil {
			assert.Empty(t, note, name)
			assert.ErrorContains(t, err, "free some", "%s: what to do next", name)
			said = err.Error()
		}
		assert.Contains(t, said, c.says, name)
		assert.Equal(t, c.says == "", said == "", "%s: %s", name, said)
	}
}

// measurer is a provider that says how much room there is.
type measurer struct {
	sandbox.Provider
	room sandbox.Room
	err  error
}

func (m measurer) Warnings(context.Context) ([]string, error) { return []string{"it is old"}, m.err }

func (m measurer) Room(context.Context, host.Host) (sandbox.Room, error) { return m.room, m.err }

// sized is one whose sandboxes have a disk of their own size.
type sized struct{ measurer }

func (sized) RootDisk(need int64) int64 { return 2 * need }

// unmeasured is one that cannot.
type unmeasured struct{ sandbox.Provider }

// Room nobody can ask for is no verdict, before the launch or after it.
func TestAskRoom(t *testing.T) {
	ask := func(ctx context.Context, p sandbox.Provider) (sandbox.Room, string, error) {
		var s session.Session
		s.Environment.Sandbox = func(settings.Settings) sandbox.Provider { return p }
		var heard recorder
		room, err := askRoom(ctx, suite.NewOut(&heard), s, 1000)
		return room, heard.String(), err
	}
	full, _ := twoSets(t)
	_, said, err := ask(t.Context(), measurer{room: sandbox.Room{Free: 999, Total: 1e6, Place: "pool small"}})
	requireReason(t, reason.DiskSpace, err, "")
	require.ErrorContains(t, err, "pool small")
	assert.Empty(t, said)

	room, said, err := ask(t.Context(), sized{measurer{err: errGone}})
	require.NoError(t, err)
	assert.Contains(t, said, "not known before it is there: "+errGone.Error())
	box := on(&machine{answers: map[string]answer{"df": {stdout: "Avail\n1\n"}}}, full)
	box.room = room
	assert.EqualValues(t, 2000, room.Root)
	require.NoError(t, box.fits(t.Context(), 1000), "in the sandbox it is no verdict either")

	room, said, err = ask(t.Context(), sized{measurer{room: sandbox.Room{Free: 1e6, Total: 1e6, Place: "pool"}}})
	require.NoError(t, err)
	assert.Empty(t, said)
	assert.Equal(t, sandbox.Room{Free: 1e6, Total: 1e6, Place: "pool", Root: 2000}, room)

	over, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = ask(over, measurer{err: errGone})
	require.ErrorIs(t, err, errGone, "a drill that is over says nothing about room")

	room, said, err = ask(t.Context(), unmeasured{})
	require.NoError(t, err)
	box.room = room
	assert.Empty(t, said)
	requireReason(t, reason.DiskSpace, box.fits(t.Context(), 1000), "the sandbox itself knows")
}

// What is known of the daemon is a note, and a daemon that does not say is none.
func TestTellWarnings(t *testing.T) {
	for p, want := range map[sandbox.Provider]string{
		measurer{}:             "warning: it is old\n",
		measurer{err: errGone}: "does not say what it is: " + errGone.Error(),
		unmeasured{}:           "",
	} {
		var s session.Session
		s.Environment.Sandbox = func(settings.Settings) sandbox.Provider { return p }
		var heard recorder
		tellWarnings(t.Context(), suite.NewOut(&heard), s)
		assert.Contains(t, heard.String(), want)
		assert.Equal(t, want == "", heard.String() == "")
		assert.Equal(t, strings.HasPrefix(want, "warning"), len(heard.values) > 0, "a note: %s", want)
	}
}

// A lack of room is said with the place and what to do, once; of anything else nothing is added.
func TestNamed(t *testing.T) {
	pool := sandbox.Room{Place: "storage pool small", Free: 100e6, Mend: "free some there"}
	root := func(size int64, doubt string) sandbox.Room {
		r := pool
		r.Root, r.Doubt = size, doubt
		return r
	}
	full := reason.Errorf(reason.DiskSpace, "no space left on device")
	told := reason.Errorf(reason.DiskSpace, "x: free some there")
	for name, c := range map[string]struct {
		ready ready
		err   error
		says  string
	}{
		"known": {ready{room: pool}, full, "device: the data lies in storage pool small: free some there"},
		"its own disk": {
			ready{room: root(64e6, "")}, full, "device: the sandbox's own disk holds 64.0 MB, and there was more in " +
				"storage pool small: give it a larger one with -disk, or free some there",
		},
		"its own, to the byte":  {ready{room: root(100e6, "")}, full, "with -disk, or free some there"},
		"its own, of more":      {ready{room: root(100e6+1, "")}, full, "lies in storage pool small: free some there"},
		"its own, and doubt":    {ready{room: root(200e6, "x")}, full, "with -disk, or free some in its storage pool"},
		"its own, told already": {ready{room: root(64e6, "")}, told, "x: free some there"},
		"said already":          {ready{room: pool}, told, "x: free some there"},
		"not known":             {ready{}, full, "device: free some, or choose a larger place: TMPDIR, or"},
		"for real":              {ready{real: &nodeRestore{}}, full, "device: free some, and go on with -resume"},
		"something else":        {ready{room: pool}, errGone, errGone.Error()},
	} {
		got := c.ready.named(c.err)
		require.ErrorIs(t, got, c.err, name)
		assert.True(t, strings.HasSuffix(got.Error(), c.says) || name == "not known" &&
			strings.Contains(got.Error(), c.says), "%s: %v", name, got)
	}
	require.NoError(t, ready{room: pool}.named(nil))
}
