package evidence

import (
	"crypto/ed25519"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// begin is when the chains of these tests begin.
var begin = time.Date(2026, 8, 2, 3, 0, 0, 0, time.UTC)

const week = 7 * 24 * time.Hour

// keyOf is a key that is always the same.
func keyOf(name string) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, name)
	return ed25519.NewKeyFromSeed(seed)
}

func publicOf(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

// drilled is a statement of a drill that passed.
func drilled(at Place, edit ...func(*Run)) Statement {
	seconds := 93.5
	run := Run{
		Entry: at, Schema: RunSchema, Suite: "drill", Stanza: "demo",
		Started: at.Time.Add(-time.Minute), Ended: at.Time, Verdict: "pass", Backups: "restored", Reason: "none",
		Steps:        []Step{{Name: "restore", Outcome: "passed", Seconds: &seconds}},
		Measurements: []Measurement{{Name: "rto_seconds", Value: seconds}},
	}
	for _, e := range edit {
		e(&run)
	}
	predicate, err := json.Marshal(run)
	if err != nil {
		panic(err)
	}
	return Statement{StatementType, []Subject{Of("report.json", Digest(predicate))}, RunType, predicate}
}

func failing(r *Run) { r.Verdict, r.Exit, r.Backups, r.Reason = "fail", 1, "at_fault", "wal_missing" }

func acknowledging(t testing.TB, dir string, seq int) func(Place) (Statement, error) {
	t.Helper()
	l, err := Read(dir)
	require.NoError(t, err)
	return func(at Place) (Statement, error) {
		predicate, err := json.Marshal(Ack{Entry: at, Schema: AckSchema, Run: seq, By: "Ada", Why: "a disk"})
		subject := Of(FileName(seq), l.Entries[seq-1].Line.Envelope)
		return Statement{StatementType, []Subject{subject}, AckType, predicate}, err
	}
}

// add adds a drill to a directory.
func add(t testing.TB, dir string, at time.Time, key ed25519.PrivateKey, edit ...func(*Run)) Appended {
	t.Helper()
	a, err := Append(dir, at, key, func(p Place) (Statement, error) { return drilled(p, edit...), nil })
	require.NoError(t, err)
	return a
}

// chain makes a directory with a drill a week, of which the fourth failed and is acknowledged by the last entry.
func chain(t testing.TB, drills int, key ed25519.PrivateKey) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "evidence")
	require.NoError(t, os.Mkdir(dir, 0o755))
	for i := range drills {
		var edit []func(*Run)
		if i == 3 {
			edit = append(edit, failing)
		}
		add(t, dir, begin.Add(time.Duration(i)*week), key, edit...)
	}
	if drills > 3 {
		_, err := Append(dir, begin.Add(time.Duration(drills-1)*week+time.Hour), key, acknowledging(t, dir, 4))
		require.NoError(t, err)
	}
	return dir
}

func TestRead_GivesBackWhatWasAppended(t *testing.T) {
	key := keyOf("drill")
	dir := chain(t, 5, key)
	l, err := Read(dir)
	require.NoError(t, err)
	require.Len(t, l.Entries, 6)
	assert.Empty(t, l.Verify([]ed25519.PublicKey{publicOf(key)}))
	assert.Empty(t, l.Gaps(8*24*time.Hour))
	for i, e := range l.Entries {
		assert.Equal(t, i+1, e.Seq)
		assert.True(t, e.Signed())
	}
	assert.Equal(t, "fail", l.Entries[3].Run.Verdict)
	assert.Equal(t, 4, l.Entries[5].Ack.Run)
	assert.Equal(t, l.Entries[4].Hash, l.Entries[5].Previous)
	assert.True(t, l.Holds(l.Entries[2].Hash))
	assert.Equal(t, l.Entries[5].Hash, l.Head())
}

// The page of decision 36, and whoever reads a ledger by other means, rely on the bytes.
func TestLine_IsTheHashOfTheLineBeforeAndOfTheFile(t *testing.T) {
	dir := chain(t, 2, nil)
	ledger, err := os.ReadFile(filepath.Join(dir, LedgerName))
	require.NoError(t, err)
	envelope, err := os.ReadFile(filepath.Join(dir, "000002.dsse.json"))
	require.NoError(t, err)
	lines := strings.Split(string(ledger), "\n")
	assert.Equal(t, `{"seq":2,"time":"2026-08-09T03:00:00Z","envelope_sha256":"`+Digest(envelope)+
		`","previous_sha256":"`+Digest([]byte(lines[0]))+`"}`, lines[1])
	assert.Contains(t, lines[0], `"previous_sha256":"`+strings.Repeat("0", 64)+`"`)
}

// A chain that was never signed is whole without a key, and nothing with one.
func TestVerify_WithoutSignatures(t *testing.T) {
	l, err := Read(chain(t, 2, nil))
	require.NoError(t, err)
	assert.Empty(t, l.Verify(nil))
	found := l.Verify([]ed25519.PublicKey{publicOf(keyOf("drill"))})
	require.Len(t, found, 2)
	assert.Equal(t, "entry 1: 000001.dsse.json is not signed", found[0].Text)
}

// Where a key was replaced, both verify.
func TestVerify_WithTheOldAndTheNewKey(t *testing.T) {
	dir := chain(t, 2, keyOf("old"))
	add(t, dir, begin.Add(2*week), keyOf("new"))
	l, err := Read(dir)
	require.NoError(t, err)
	old, replaced := publicOf(keyOf("old")), publicOf(keyOf("new"))
	assert.Empty(t, l.Verify([]ed25519.PublicKey{old, replaced}))
	assert.Len(t, l.Verify([]ed25519.PublicKey{old}), 1)
	assert.Len(t, l.Verify([]ed25519.PublicKey{replaced}), 2)
}

func TestGaps_AreOfEachStanzaAlone(t *testing.T) {
	dir := chain(t, 1, nil)
	other := func(r *Run) { r.Stanza = "other" }
	add(t, dir, begin.Add(week), nil, other)
	add(t, dir, begin.Add(2*week), nil)
	add(t, dir, begin.Add(2*week+time.Hour), nil, other)
	l, err := Read(dir)
	require.NoError(t, err)
	assert.Empty(t, l.Gaps(2*week))
	found := l.Gaps(8 * 24 * time.Hour)
	require.Len(t, found, 1)
	assert.Equal(t, "stanza demo was not drilled for 14.0 days: from 2026-08-02T03:00:00Z (entry 1) to "+
		"2026-08-16T03:00:00Z (entry 3)", found[0].Text)
}

func BenchmarkVerify520(b *testing.B) {
	key := keyOf("drill")
	dir := chain(b, 519, key)
	for b.Loop() {
		l, err := Read(dir)
		require.NoError(b, err)
		require.Len(b, l.Entries, 520)
		require.Empty(b, l.Verify([]ed25519.PublicKey{publicOf(key)}))
		require.Empty(b, l.Gaps(8*24*time.Hour))
	}
}
