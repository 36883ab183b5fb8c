package command

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/testprom/evidence"
)

// Flags stand before or behind DIR, and between.
func TestMain_TakesFlagsBeforeAndBehind(t *testing.T) {
	m := make7(t)
	for _, args := range [][]string{
		{"verify", m.dir, "-key", m.pub(), "-cadence", "8d"},
		{"verify", "-key", m.pub(), "-cadence=8d", m.dir},
		{"verify", "-key", m.pub(), m.dir, "-cadence", "8d"},
		{"verify", "-key", m.pub(), "--", m.dir},
	} {
		exit, out := m.run(args...)
		assert.Equal(t, 0, exit, out)
		assert.Contains(t, out, "7 entries, chained, every signature is of the key")
		assert.Contains(t, out, "newest entry 7, acknowledgement of entry 4 by Ada: a disk")
	}
}

func TestMain_OnItsOwn(t *testing.T) {
	m := make7(t)
	for _, c := range []struct {
		args []string
		exit int
		want string
	}{
		{nil, 2, "evidence gate DIR -key PUB"},
		{[]string{"-h"}, 0, "evidence ack DIR -run ID -by NAME -why TEXT"},
		{[]string{"-version"}, 0, "evidence unreleased"},
		{[]string{"verify", "-h"}, 0, "the longest TIME between two drills"},
		{[]string{"verify"}, 2, "name DIR"},
		{[]string{"verify", m.dir, "-keys", "x"}, 2, "-key"},
		{[]string{"verify", m.dir + ".gone"}, 2, "no such file"},
		{[]string{"verify", m.key}, 2, "not a directory"},
		{[]string{"verify", m.dir, "-cadence", "6d"}, 1, "stanza demo was not drilled for 7.0 days"},
		{[]string{"verify", m.dir}, 0, "signatures were not looked at"},
		{[]string{"key"}, 2, "name FILE"},
		{[]string{"key", m.key}, 2, "is there already"},
		{[]string{"key", m.key + ".new"}, 0, "signs, "},
	} {
		exit, out := m.run(c.args...)
		assert.Equal(t, c.exit, exit, "%v %s", c.args, out)
		assert.Contains(t, out, c.want)
	}
}

// A wrong command is one line, with the nearest there is.
func TestMain_OfAWrongCommand(t *testing.T) {
	m := make7(t)
	for wrong, want := range map[string]string{
		"verfy": "verfy; did you mean verify? -h lists them all", "ver": "ver; did you mean verify? -h lists them all",
		"restore": "restore; -h lists them all", "": "-; -h lists them all",
	} {
		exit, out := m.run(wrong, m.dir)
		assert.Equal(t, 2, exit)
		assert.Equal(t, "evidence: there is no command "+want+"\n", out)
	}
}

// An acknowledgement is of a run that did not pass, says who and why, and is signed where the chain is.
func TestAck(t *testing.T) {
	m := make7(t)
	full := []string{"-by", "Ada", "-why", "a \x1b[2J disk\n\"x\"", "-sign-key", m.key}
	envelope := evidence.Digest(m.read(t, entry4))
	for want, args := range map[string][]string{
		"-run is missing":                    full,
		"-by is missing":                     {"-run", "4", "-why", "x", "-sign-key", m.key},
		"-why is empty":                      {"-run", "4", "-by", "x", "-why", " ", "-sign-key", m.key},
		"the ledger has no such entry":       append([]string{"-run", "9"}, full...),
		"that run passed":                    append([]string{"-run", "3"}, full...),
		"that entry is no run":               append([]string{"-run", "7"}, full...),
		"sign this too, with -sign-key FILE": {"-run", "4", "-by", "x", "-why", "x"},
		"-sign-key: ":                        {"-run", "4", "-by", "x", "-why", "x", "-sign-key", m.pub()},
	} {
		exit, out := m.run(append([]string{"ack", m.dir}, args...)...)
		assert.Equal(t, 2, exit)
		assert.Contains(t, out, want)
	}
	assert.Len(t, m.lines(t), 7)
	for i, id := range []string{"4", entry4, envelope} {
		exit, out := m.run(append([]string{"ack", m.dir, "-run", id}, full...)...)
		require.Equal(t, 0, exit, out)
		l, err := evidence.Read(m.dir)
		require.NoError(t, err)
		require.Len(t, l.Entries, 8+i)
		assert.Equal(t, `a [2J disk "x"`, l.Entries[7+i].Ack.Why)
		assert.Equal(t, 4, l.Entries[7+i].Ack.Run)
	}
	exit, out := m.run("verify", m.dir, "-key", m.pub())
	assert.Equal(t, 0, exit, out)
	exit, _ = m.run("gate", m.dir, "-key", m.pub())
	assert.Equal(t, 0, exit)
}

// An empty ledger has no run to acknowledge, and nothing crashes.
func TestMain_OfAnEmptyLedger(t *testing.T) {
	m := make7(t)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, evidence.LedgerName), nil, 0o644))
	for want, args := range map[string][]string{
		"is empty":               {"verify", dir},
		"cannot be trusted":      {"gate", dir, "-key", m.pub()},
		"has no such entry":      {"ack", dir, "-run", "1", "-by", "x", "-why", "x"},
		"has no such entry; it ": {"ack", dir, "-run", "", "-run", "0", "-by", "x", "-why", "x"},
	} {
		exit, out := m.run(args...)
		assert.NotEqual(t, 0, exit)
		assert.Contains(t, out, want)
	}
}

// A place that is none is refused before anything is asked; a key in the URL is not repeated.
func TestPush_ToAPlaceThatIsNone(t *testing.T) {
	m := make7(t)
	credentials := func(text string) string {
		path := filepath.Join(t.TempDir(), "credentials")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	const form = "[default]\naws_access_key_id = a\naws_secret_access_key = "
	whole := credentials(form + "b\n")
	for want, args := range map[string][]string{
		"write it as https://": {"-to", "http://key:secret@store/bucket"},
		"without a key in it":  {"-to", "https://key:secret@store/bucket"},
		"bucket is missing":    {"-to", "https://store/"},
		"FILE is missing":      {"-to", "https://store/bucket"},
		"-credentials: ":       {"-to", "https://store/bucket", "-credentials", m.key + ".gone"},
		"-ca: ":                {"-to", "https://store/bucket", "-credentials", whole, "-ca", m.key},
	} {
		exit, out := m.run(append([]string{"push", m.dir}, args...)...)
		assert.Equal(t, 2, exit)
		assert.Contains(t, out, want)
		assert.NotContains(t, out, "secret@")
	}
	for _, text := range []string{"", form, "[other]\nx = y\n", "[default]\ns3cret\n", form + "b\nand s3cret"} {
		exit, out := m.run("push", m.dir, "-to", "https://store/bucket", "-credentials", credentials(text))
		assert.Equal(t, 2, exit)
		assert.Contains(t, out, "is not as AWS has it")
		assert.NotContains(t, out, "s3cret")
	}
	require.NoError(t, os.Remove(m.path(entry3)))
	exit, out := m.run("push", m.dir, "-to", "https://store/bucket", "-credentials", whole)
	assert.Equal(t, 1, exit)
	assert.Contains(t, out, "its envelope 000003.dsse.json is gone")
}
