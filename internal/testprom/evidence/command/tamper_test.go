package command

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/testprom/evidence"
)

// tampering is one thing somebody does to evidence, and the words verify has for it.
type tampering struct {
	name string
	do   func(m hands)
	want string
	exit int // 0 is 1
}

// hands are those of whoever does it.
type hands struct {
	made
	*testing.T
}

const entry3, entry4 = "000003.dsse.json", "000004.dsse.json"

// edited writes an envelope anew, with the payload changed; its line in the ledger is made to fit.
func (m made) edited(t testing.TB, name string, change func(payload string) string) {
	t.Helper()
	var e evidence.Envelope
	before := m.read(t, name)
	require.NoError(t, json.Unmarshal(before, &e))
	payload, err := base64.StdEncoding.DecodeString(e.Payload)
	require.NoError(t, err)
	changed := change(string(payload))
	require.NotEqual(t, string(payload), changed)
	e.Payload = base64.StdEncoding.EncodeToString([]byte(changed))
	m.rewritten(t, name, e)
}

// rewritten exchanges an envelope, and its digest in the ledger.
func (m made) rewritten(t testing.TB, name string, e evidence.Envelope) {
	t.Helper()
	before := m.read(t, name)
	after, err := json.Marshal(e)
	require.NoError(t, err)
	m.write(t, name, append(after, '\n'))
	ledger := bytes.ReplaceAll(m.read(t, evidence.LedgerName),
		[]byte(evidence.Digest(before)), []byte(evidence.Digest(append(after, '\n'))))
	m.write(t, evidence.LedgerName, ledger)
	m.rechain(t)
}

// rechain makes every line name the one before it, as one does who has no key.
func (m made) rechain(t testing.TB) {
	t.Helper()
	previous := strings.Repeat("0", 64)
	var lines []string
	for _, text := range m.lines(t) {
		var line evidence.Line
		require.NoError(t, json.Unmarshal([]byte(text), &line))
		line.Previous = previous
		again, err := json.Marshal(line)
		require.NoError(t, err)
		previous = evidence.Digest(again)
		lines = append(lines, string(again)+"\n")
	}
	m.setLines(t, lines...)
}

func replaced(m hands, name, before, after string) {
	m.Helper()
	text := m.read(m, name)
	require.Contains(m, string(text), before)
	m.write(m, name, bytes.Replace(text, []byte(before), []byte(after), 1))
}

var ofLines = []tampering{
	{
		name: "a flipped bit in a line", want: "line 3 of ledger.jsonl was changed",
		do: func(m hands) {
			text := m.read(m, evidence.LedgerName)
			text[bytes.Index(text, []byte(`"seq":3`))] ^= 1
			m.write(m, evidence.LedgerName, text)
		},
	},
	{
		name: "another time in the last line", want: "and not for this line of the ledger",
		do: func(m hands) {
			lines := m.lines(m)
			lines[6] = strings.Replace(lines[6], "2026-09-08", "2026-09-01", 1)
			m.setLines(m, lines...)
		},
	},
	{
		name: "a removed line", want: "a line was removed, added or moved",
		do: func(m hands) {
			lines := m.lines(m)
			m.setLines(m, slices.Delete(lines, 2, 3)...)
		},
	},
	{
		name: "a removed line, with its envelope", want: "a line was removed",
		do: func(m hands) {
			m.setLines(m, slices.Delete(m.lines(m), 2, 3)...)
			require.NoError(m, os.Remove(m.path(entry3)))
		},
	},
	{
		name: "the last line removed", want: "000007.dsse.json is not named by the ledger",
		do: func(m hands) {
			m.setLines(m, m.lines(m)[:6]...)
		},
	},
	{
		name: "the first line removed", want: "a line was removed",
		do: func(m hands) {
			m.setLines(m, m.lines(m)[1:]...)
		},
	},
	{
		name: "two lines exchanged", want: "a line was removed, added or moved",
		do: func(m hands) {
			lines := m.lines(m)
			lines[1], lines[2] = lines[2], lines[1]
			m.setLines(m, lines...)
		},
	},
	{
		name: "a line twice", want: "line 4 of ledger.jsonl is of entry 3",
		do: func(m hands) {
			m.setLines(m, slices.Insert(m.lines(m), 3, m.lines(m)[2])...)
		},
	},
	{
		name: "the last line twice", want: "line 8 of ledger.jsonl is of entry 7",
		do: func(m hands) {
			m.setLines(m, append(m.lines(m), m.lines(m)[6])...)
		},
	},
	{
		name: "an empty ledger", want: "ledger.jsonl is empty",
		do: func(m hands) { m.setLines(m) },
	},
	{
		name: "an empty ledger, and no envelopes", want: "ledger.jsonl is empty",
		do: func(m hands) {
			m.setLines(m)
			for i := range 7 {
				require.NoError(m, os.Remove(m.path(evidence.FileName(i+1))))
			}
		},
	},
	{
		name: "no ledger", want: "it holds no evidence", exit: 2,
		do: func(m hands) {
			require.NoError(m, os.Remove(m.path(evidence.LedgerName)))
		},
	},
	{
		name: "the ends of lines as Windows has them", want: "line 1 of ledger.jsonl was changed",
		do: func(m hands) {
			ledger := m.read(m, evidence.LedgerName)
			m.write(m, evidence.LedgerName, bytes.ReplaceAll(ledger, []byte("\n"), []byte("\r\n")))
		},
	},
	{
		name: "garbage behind the last line", want: "line 8 of ledger.jsonl is cut",
		do: func(m hands) {
			m.write(m, evidence.LedgerName, append(m.read(m, evidence.LedgerName), "garbage"...))
		},
	},
	{
		name: "an empty line", want: "line 8 of ledger.jsonl was changed",
		do: func(m hands) {
			m.write(m, evidence.LedgerName, append(m.read(m, evidence.LedgerName), '\n'))
		},
	},
	{
		name: "the end of the last line cut", want: "line 7 of ledger.jsonl is cut",
		do: func(m hands) {
			text := m.read(m, evidence.LedgerName)
			m.write(m, evidence.LedgerName, text[:len(text)-1])
		},
	},
	{
		name: "a space in a line", want: "line 2 of ledger.jsonl was changed",
		do: func(m hands) {
			replaced(m, evidence.LedgerName, `{"seq":2,`, `{"seq": 2,`)
		},
	},
	{
		name: "a field in a line", want: "line 2 of ledger.jsonl was changed",
		do: func(m hands) {
			replaced(m, evidence.LedgerName, `{"seq":2,`, `{"note":1,"seq":2,`)
		},
	},
	{
		name: "another digest in a line", want: "is not the envelope that the ledger names",
		do: func(m hands) {
			replaced(m, evidence.LedgerName, evidence.Digest(m.read(m, entry3)), strings.Repeat("a", 64))
		},
	},
	{
		name: "the ledger is a link", want: "ledger.jsonl is a symbolic link",
		do: func(m hands) {
			require.NoError(m, os.Rename(m.path(evidence.LedgerName), m.key+".moved"))
			require.NoError(m, os.Symlink(m.key+".moved", m.path(evidence.LedgerName)))
		},
	},
}
