package command

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/testprom/evidence"
)

const week = 7 * day

// begin is when the evidence of these tests begins.
var begin = time.Date(2026, 8, 2, 3, 0, 0, 0, time.UTC)

// made is evidence of six weeks: drills of stanza demo that passed, but for the fourth, which is acknowledged by the
// last of the seven entries.
type made struct {
	dir, key string // key.pub is beside it
	other    string // a key that signed nothing
	secret   ed25519.PrivateKey
}

func (m made) pub() string { return m.key + ".pub" }

// template is made once: every entry is flushed to disk.
var template = sync.OnceValues(func() (made, error) {
	root, err := os.MkdirTemp("", "evidence-")
	m := in(root)
	if err != nil {
		return m, err
	}
	for _, path := range []string{m.key, m.other} {
		if _, err = evidence.MakeKey(path); err != nil {
			return m, err
		}
	}
	if m.secret, err = evidence.PrivateKey(m.key); err != nil {
		return m, err
	}
	if err = os.Mkdir(m.dir, 0o755); err != nil {
		return m, err
	}
	for i := range 6 {
		_, err = evidence.Append(m.dir, begin.Add(time.Duration(i)*week), m.secret, drilled(func(r *evidence.Run) {
			if i == 3 {
				r.Verdict, r.Exit, r.Reason = "fail", 1, "wal_missing"
			}
		}))
		if err != nil {
			return m, err
		}
	}
	if exit, out := m.run("ack", m.dir, "-run", "4", "-by", "Ada", "-why", "a disk", "-sign-key", m.key); exit != 0 {
		return m, errors.New(out)
	}
	return m, nil
})

func in(root string) made {
	path := func(name string) string { return filepath.Join(root, name) }
	return made{dir: path("evidence"), key: path("key"), other: path("other")}
}

func TestMain(m *testing.M) {
	exit := m.Run()
	if t, _ := template(); t.dir != "" {
		_ = os.RemoveAll(filepath.Dir(t.dir))
	}
	os.Exit(exit)
}

func make7(t testing.TB) made {
	t.Helper()
	from, err := template()
	require.NoError(t, err)
	m := in(filepath.Join(t.TempDir(), "copy"))
	m.secret = from.secret
	require.NoError(t, os.CopyFS(filepath.Dir(m.dir), os.DirFS(filepath.Dir(from.dir))))
	return m
}

// now is two days after the last drill.
func now() time.Time { return begin.Add(5*week + 2*day) }

// run is the program.
func (m made) run(args ...string) (exit int, out string) {
	var b bytes.Buffer
	exit = Main(args, World{Out: &b, Err: &b, Now: now})
	return exit, b.String()
}

// drill adds one that passed.
func (m made) drill(t testing.TB, at time.Time, edit ...func(*evidence.Run)) {
	t.Helper()
	_, err := evidence.Append(m.dir, at, m.secret, drilled(edit...))
	require.NoError(t, err)
}

func drilled(edit ...func(*evidence.Run)) func(evidence.Place) (evidence.Statement, error) {
	return func(at evidence.Place) (evidence.Statement, error) {
		run := evidence.Run{
			Entry: at, Schema: evidence.RunSchema, Suite: "drill", Stanza: "demo", Ended: at.Time, Verdict: "pass",
			Reason: "none", Checks: evidence.Checks{
				Passed: []string{"amcheck", "files", "compare", "readonly"},
			},
		}
		for _, e := range edit {
			e(&run)
		}
		predicate, err := json.Marshal(run)
		about := []evidence.Subject{evidence.Of("report.json", evidence.Digest(predicate))}
		return evidence.Statement{
			Type: evidence.StatementType, Subject: about, PredicateType: evidence.RunType, Predicate: predicate,
		}, err
	}
}

func (m made) path(name string) string { return filepath.Join(m.dir, name) }

func (m made) read(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(m.path(name))
	require.NoError(t, err)
	return text
}

func (m made) write(t testing.TB, name string, text []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(m.path(name), text, 0o644))
}

// lines are those of the ledger, each with its end.
func (m made) lines(t testing.TB) []string {
	t.Helper()
	lines := strings.SplitAfter(string(m.read(t, evidence.LedgerName)), "\n")
	return lines[:len(lines)-1]
}

func (m made) setLines(t testing.TB, lines ...string) {
	t.Helper()
	m.write(t, evidence.LedgerName, []byte(strings.Join(lines, "")))
}
