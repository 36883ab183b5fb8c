package command

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/testprom/evidence"
)

// proven is a directory with the evidence of one pass, and its two keys.
func proven(t *testing.T) (dir, key string) {
	t.Helper()
	dir, key = filepath.Join(t.TempDir(), "evidence"), filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.Mkdir(dir, 0o700))
	_, err := evidence.MakeKey(key)
	require.NoError(t, err)
	secret, err := evidence.PrivateKey(key)
	require.NoError(t, err)
	at := time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)
	_, err = evidence.Append(dir, at, secret, func(place evidence.Place) (evidence.Statement, error) {
		predicate, failed := json.Marshal(evidence.Run{
			Entry: place, Schema: evidence.RunSchema, Suite: "drill", Stanza: "demo", Verdict: "pass", Reason: "none",
			Ended: at,
		})
		return evidence.Statement{
			Type: evidence.StatementType, PredicateType: evidence.RunType, Predicate: predicate,
			Subject: []evidence.Subject{evidence.Of("report.json", evidence.Digest(nil))},
		}, failed
	})
	require.NoError(t, err)
	return dir, key
}

func evidenceWith(args ...string) (exit int, out, errs string) {
	var o, e bytes.Buffer
	next := func() time.Time { return time.Date(2026, 11, 30, 3, 0, 0, 0, time.UTC) }
	return Main(args, World{Out: &o, Err: &e, Now: next}), o.String(), e.String()
}

func TestPage_IsWritten(t *testing.T) {
	dir, key := proven(t)
	file := filepath.Join(t.TempDir(), "page.html")
	for _, args := range [][]string{
		{"page", dir, "-o", file, "-key", key + ".pub"},
		{"page", "-o", file, "-key", key + ".pub", dir},
		{"page", "-stanza", "demo", dir, "-o", file, "-key", key + ".pub"},
	} {
		exit, out, errs := evidenceWith(args...)
		require.Equal(t, exitGood, exit, errs)
		assert.Contains(t, out, "1 entries, 1 stanzas, 0 findings")
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Contains(t, string(text), "every signature is of the key")
		assert.Contains(t, string(text), "A restore was last proved 24 hours ago")
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	assert.Len(t, entries, 1)
}

func TestPage_OfEvidenceThatIsBrokenSaysSo(t *testing.T) {
	dir, _ := proven(t)
	file := filepath.Join(t.TempDir(), "page.html")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "000002.dsse.json"), []byte("{}"), 0o600))
	exit, _, errs := evidenceWith("page", dir, "-o", file)
	require.Equal(t, exitGood, exit, errs)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Contains(t, string(text), "The evidence is broken")
}

func TestPage_IsRefused(t *testing.T) {
	dir, key := proven(t)
	other := t.TempDir()
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"without a file":          {[]string{dir}, "-o is missing"},
		"without a directory":     {[]string{"-o", other + "/p.html"}, "name DIR"},
		"into the evidence":       {[]string{dir, "-o", dir + "/p.html"}, "tampering"},
		"of another stanza":       {[]string{dir, "-o", other + "/p.html", "-stanza", "shop"}, "no run of it"},
		"of no evidence":          {[]string{t.TempDir(), "-o", other + "/p.html"}, "holds no evidence"},
		"where nothing can be":    {[]string{dir, "-o", other + "/gone/p.html"}, other + "/gone/p.html"},
		"with the secret as key":  {[]string{dir, "-o", other + "/p.html", "-key", key}, "-key"},
		"where there is a folder": {[]string{dir, "-o", other}, "directory"},
	} {
		exit, _, errs := evidenceWith(append([]string{"page"}, c.args...)...)
		assert.Equal(t, exitUnread, exit, name)
		assert.Contains(t, errs, c.want, name)
	}
	entries, err := os.ReadDir(other)
	require.NoError(t, err)
	assert.Empty(t, entries)
}
