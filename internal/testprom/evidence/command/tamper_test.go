package command

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/testprom/evidence"
)

// tampering is one thing somebody does to evidence, and the words verify has for it.
type tampering struct {
	name string
	do   func(t *testing.T, m made)
	want string
	exit int // 0 is 1
}

const entry3, entry4 = "000003.dsse.json", "000004.dsse.json"

// edited writes an envelope anew, with the payload changed; its line in the ledger is made to fit.
func (m made) edited(t *testing.T, name string, change func(payload string) string) {
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
func (m made) rewritten(t *testing.T, name string, e evidence.Envelope) {
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
func (m made) rechain(t *testing.T) {
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

func replaced(t *testing.T, m made, name, before, after string) {
	t.Helper()
	text := m.read(t, name)
	require.Contains(t, string(text), before)
	m.write(t, name, bytes.Replace(text, []byte(before), []byte(after), 1))
}

var ofLines = []tampering{
	{name: "a flipped bit in a line", want: "line 3 of ledger.jsonl was changed", do: func(t *testing.T, m made) {
		text := m.read(t, evidence.LedgerName)
		text[bytes.Index(text, []byte(`"seq":3`))] ^= 1
		m.write(t, evidence.LedgerName, text)
	}},
	{name: "another time in the last line", want: "and not for this line of the ledger", do: func(t *testing.T, m made) {
		lines := m.lines(t)
		lines[6] = strings.Replace(lines[6], "2026-09-08", "2026-09-01", 1)
		m.setLines(t, lines...)
	}},
	{name: "a removed line", want: "a line was removed, added or moved", do: func(t *testing.T, m made) {
		lines := m.lines(t)
		m.setLines(t, slices.Delete(lines, 2, 3)...)
	}},
	{name: "a removed line, with its envelope", want: "a line was removed", do: func(t *testing.T, m made) {
		m.setLines(t, slices.Delete(m.lines(t), 2, 3)...)
		require.NoError(t, os.Remove(m.path(entry3)))
	}},
	{name: "the last line removed", want: "000007.dsse.json is not named by the ledger", do: func(t *testing.T, m made) {
		m.setLines(t, m.lines(t)[:6]...)
	}},
	{name: "the first line removed", want: "a line was removed", do: func(t *testing.T, m made) {
		m.setLines(t, m.lines(t)[1:]...)
	}},
	{name: "two lines exchanged", want: "a line was removed, added or moved", do: func(t *testing.T, m made) {
		lines := m.lines(t)
		lines[1], lines[2] = lines[2], lines[1]
		m.setLines(t, lines...)
	}},
	{name: "a line twice", want: "line 4 of ledger.jsonl is of entry 3", do: func(t *testing.T, m made) {
		m.setLines(t, slices.Insert(m.lines(t), 3, m.lines(t)[2])...)
	}},
	{name: "the last line twice", want: "line 8 of ledger.jsonl is of entry 7", do: func(t *testing.T, m made) {
		m.setLines(t, append(m.lines(t), m.lines(t)[6])...)
	}},
	{name: "an empty ledger", want: "ledger.jsonl is empty", do: func(t *testing.T, m made) { m.setLines(t) }},
	{name: "an empty ledger, and no envelopes", want: "ledger.jsonl is empty", do: func(t *testing.T, m made) {
		m.setLines(t)
		for i := range 7 {
			require.NoError(t, os.Remove(m.path(evidence.FileName(i+1))))
		}
	}},
	{name: "no ledger", want: "it holds no evidence", exit: 2, do: func(t *testing.T, m made) {
		require.NoError(t, os.Remove(m.path(evidence.LedgerName)))
	}},
	{name: "the ends of lines as Windows has them", want: "line 1 of ledger.jsonl was changed", do: func(t *testing.T, m made) {
		m.write(t, evidence.LedgerName, bytes.ReplaceAll(m.read(t, evidence.LedgerName), []byte("\n"), []byte("\r\n")))
	}},
	{name: "garbage behind the last line", want: "line 8 of ledger.jsonl is cut", do: func(t *testing.T, m made) {
		m.write(t, evidence.LedgerName, append(m.read(t, evidence.LedgerName), "garbage"...))
	}},
	{name: "an empty line", want: "line 8 of ledger.jsonl was changed", do: func(t *testing.T, m made) {
		m.write(t, evidence.LedgerName, append(m.read(t, evidence.LedgerName), '\n'))
	}},
	{name: "the end of the last line cut", want: "line 7 of ledger.jsonl is cut", do: func(t *testing.T, m made) {
		text := m.read(t, evidence.LedgerName)
		m.write(t, evidence.LedgerName, text[:len(text)-1])
	}},
	{name: "a space in a line", want: "line 2 of ledger.jsonl was changed", do: func(t *testing.T, m made) {
		replaced(t, m, evidence.LedgerName, `{"seq":2,`, `{"seq": 2,`)
	}},
	{name: "a field in a line", want: "line 2 of ledger.jsonl was changed", do: func(t *testing.T, m made) {
		replaced(t, m, evidence.LedgerName, `{"seq":2,`, `{"note":1,"seq":2,`)
	}},
	{name: "another digest in a line", want: "is not the envelope that the ledger names", do: func(t *testing.T, m made) {
		replaced(t, m, evidence.LedgerName, evidence.Digest(m.read(t, entry3)), strings.Repeat("a", 64))
	}},
	{name: "the ledger is a link", want: "ledger.jsonl is a symbolic link", do: func(t *testing.T, m made) {
		require.NoError(t, os.Rename(m.path(evidence.LedgerName), m.key+".moved"))
		require.NoError(t, os.Symlink(m.key+".moved", m.path(evidence.LedgerName)))
	}},
}

var ofEnvelopes = []tampering{
	{name: "a flipped bit", want: "is not the envelope that the ledger names", do: func(t *testing.T, m made) {
		text := m.read(t, entry3)
		text[len(text)/2] ^= 1
		m.write(t, entry3, text)
	}},
	{name: "a byte behind it", want: "is not the envelope that the ledger names", do: func(t *testing.T, m made) {
		m.write(t, entry3, append(m.read(t, entry3), '\n'))
	}},
	{name: "one removed", want: "its envelope 000003.dsse.json is gone", do: func(t *testing.T, m made) {
		require.NoError(t, os.Remove(m.path(entry3)))
	}},
	{name: "the last one removed", want: "its envelope 000007.dsse.json is gone", do: func(t *testing.T, m made) {
		require.NoError(t, os.Remove(m.path("000007.dsse.json")))
	}},
	{name: "one emptied", want: "is not the envelope that the ledger names", do: func(t *testing.T, m made) {
		m.write(t, entry3, nil)
	}},
	{name: "two exchanged", want: "is not the envelope that the ledger names", do: func(t *testing.T, m made) {
		a, b := m.read(t, entry3), m.read(t, entry4)
		m.write(t, entry3, b)
		m.write(t, entry4, a)
	}},
	{name: "two exchanged, and the ledger made to fit", want: "it was written as entry 4", do: func(t *testing.T, m made) {
		a, b := m.read(t, entry3), m.read(t, entry4)
		m.write(t, entry3, b)
		m.write(t, entry4, a)
		ledger := string(m.read(t, evidence.LedgerName))
		ledger = strings.NewReplacer(evidence.Digest(a), evidence.Digest(b), evidence.Digest(b), evidence.Digest(a)).Replace(ledger)
		m.write(t, evidence.LedgerName, []byte(ledger))
		m.rechain(t)
	}},
	{
		name: "a failure made a pass, and the ledger made to fit", want: "it was changed after it was signed",
		do: func(t *testing.T, m made) {
			m.edited(t, entry4, func(p string) string { return strings.Replace(p, `"verdict":"fail"`, `"verdict":"pass"`, 1) })
		},
	},
	{
		name: "a signature taken away, and the ledger made to fit", want: "000004.dsse.json is not signed",
		do: func(t *testing.T, m made) {
			var e evidence.Envelope
			require.NoError(t, json.Unmarshal(m.read(t, entry4), &e))
			e.Signatures = []evidence.Signature{}
			m.rewritten(t, entry4, e)
		},
	},
	{name: "a second signature", want: "has 2 signatures", do: func(t *testing.T, m made) {
		var e evidence.Envelope
		require.NoError(t, json.Unmarshal(m.read(t, entry4), &e))
		e.Signatures = append(e.Signatures, e.Signatures[0])
		m.rewritten(t, entry4, e)
	}},
	{name: "another type of payload", want: "its payload is of type", do: func(t *testing.T, m made) {
		var e evidence.Envelope
		require.NoError(t, json.Unmarshal(m.read(t, entry4), &e))
		e.PayloadType = "application/json"
		m.rewritten(t, entry4, e)
	}},
	{name: "another type of predicate", want: "which is none of ours", do: func(t *testing.T, m made) {
		m.edited(t, entry4, func(p string) string { return strings.ReplaceAll(p, evidence.RunType, evidence.TestResultType) })
	}},
	{name: "an acknowledgement of another run", want: "that is not the run it was written for", do: func(t *testing.T, m made) {
		m.edited(t, "000007.dsse.json", func(p string) string { return strings.Replace(p, `"run":4`, `"run":5`, 1) })
	}},
	{name: "other words in an acknowledgement", want: "it was changed after it was signed", do: func(t *testing.T, m made) {
		m.edited(t, "000007.dsse.json", func(p string) string { return strings.Replace(p, "a disk", "a tape", 1) })
	}},
	{name: "all of it signed by another key", want: "000001.dsse.json is signed by another key", do: func(t *testing.T, m made) {
		secret, err := evidence.PrivateKey(m.other)
		require.NoError(t, err)
		require.NoError(t, os.RemoveAll(m.dir))
		require.NoError(t, os.Mkdir(m.dir, 0o755))
		m.secret = secret
		for i := range 6 {
			m.drill(t, begin.Add(time.Duration(i)*week))
		}
	}},
	{name: "an entry added by another key", want: "000008.dsse.json is signed by another key", do: func(t *testing.T, m made) {
		secret, err := evidence.PrivateKey(m.other)
		require.NoError(t, err)
		m.secret = secret
		m.drill(t, now())
	}},
	{name: "an entry added without a key", want: "000008.dsse.json is not signed", do: func(t *testing.T, m made) {
		m.secret = nil
		m.drill(t, now())
	}},
	{name: "one is a link", want: "000003.dsse.json is a symbolic link", do: func(t *testing.T, m made) {
		require.NoError(t, os.Rename(m.path(entry3), m.key+".moved"))
		require.NoError(t, os.Symlink(m.key+".moved", m.path(entry3)))
	}},
	{name: "one is a directory", want: "000003.dsse.json is not a file", do: func(t *testing.T, m made) {
		require.NoError(t, os.Remove(m.path(entry3)))
		require.NoError(t, os.Mkdir(m.path(entry3), 0o755))
	}},
	{name: "a copy of one", want: `"copy.dsse.json" is not named by the ledger`, do: func(t *testing.T, m made) {
		m.write(t, "copy.dsse.json", m.read(t, entry3))
	}},
	{name: "one that nobody named", want: "000008.dsse.json is not named by the ledger", do: func(t *testing.T, m made) {
		m.write(t, "000008.dsse.json", m.read(t, entry3))
	}},
	{name: "a file that is none of ours", want: `"notes.txt" is not named by the ledger`, do: func(t *testing.T, m made) {
		m.write(t, "notes.txt", []byte("hello"))
	}},
	{name: "a name that writes on the terminal", want: "is not named by the ledger", do: func(t *testing.T, m made) {
		m.write(t, "\x1b[2Jx", nil)
	}},
	{name: "a directory", want: `"more" is not named by the ledger`, do: func(t *testing.T, m made) {
		require.NoError(t, os.Mkdir(m.path("more"), 0o755))
	}},
	{name: "a missing week", want: "stanza demo was not drilled for 14.0 days", do: func(t *testing.T, m made) {
		m.drill(t, begin.Add(7*week))
	}},
}

// Whatever is done to evidence, verify says what, and never 0; the gate is closed.
func TestVerify_FindsTampering(t *testing.T) {
	for _, c := range slices.Concat(ofLines, ofEnvelopes) {
		t.Run(c.name, func(t *testing.T) {
			m := make7(t)
			exit, out := m.run("verify", m.dir, "-key", m.pub())
			require.Equal(t, 0, exit, out)
			c.do(t, m)
			exit, out = m.run("verify", m.dir, "-key", m.pub())
			assert.Equal(t, max(c.exit, 1), exit)
			assert.Contains(t, out, c.want)
			assert.NotContains(t, out, "\x1b")
			if exit, out = m.run("gate", "-key", m.pub(), m.dir); c.name != "a missing week" {
				assert.NotEqual(t, 0, exit, out)
			}
		})
	}
}

// What is no tampering is none: the twin of the table above.
func TestVerify_WhatIsNoTampering(t *testing.T) {
	m := make7(t)
	for name, do := range map[string]func(t *testing.T){
		"nothing": func(*testing.T) {},
		"a copy of the directory": func(t *testing.T) {
			copied := filepath.Join(t.TempDir(), "copy")
			require.NoError(t, os.CopyFS(copied, os.DirFS(m.dir)))
			m.dir = copied
		},
		"no right to write": func(t *testing.T) {
			require.NoError(t, os.Chmod(m.path(evidence.LedgerName), 0o444))
		},
		"a link to the directory": func(t *testing.T) {
			link := filepath.Join(t.TempDir(), "link")
			require.NoError(t, os.Symlink(m.dir, link))
			m.dir = link
		},
	} {
		do(t)
		exit, out := m.run("verify", m.dir, "-key", m.pub())
		assert.Equal(t, 0, exit, "%s: %s", name, out)
	}
}

// The end cut off, lines and envelopes alike, cannot be seen from inside. A head that was kept shows it, and so does
// the age of what is left.
func TestVerify_TheEndCutOff(t *testing.T) {
	m := make7(t)
	_, out := m.run("verify", m.dir, "-key", m.pub())
	_, head, _ := strings.Cut(strings.TrimSpace(out), "head   ")
	m.setLines(t, m.lines(t)[:4]...)
	for _, gone := range []int{5, 6, 7} {
		require.NoError(t, os.Remove(m.path(evidence.FileName(gone))))
	}
	exit, _ := m.run("verify", m.dir, "-key", m.pub())
	assert.Equal(t, 0, exit, "as documented")
	exit, out = m.run("verify", m.dir, "-key", m.pub(), "-head", head)
	assert.Equal(t, 1, exit)
	assert.Contains(t, out, "no line has the hash "+head)
	m.setLines(t, m.lines(t)[:3]...)
	require.NoError(t, os.Remove(m.path(entry4)))
	exit, out = m.run("gate", m.dir, "-key", m.pub())
	assert.Equal(t, 1, exit)
	assert.Contains(t, out, "the newest drill is 23.0 days old, and may be 8.0 days")
}

func FuzzVerify(f *testing.F) {
	m := make7(f)
	names := []string{evidence.LedgerName}
	for i := range 7 {
		names = append(names, evidence.FileName(i+1))
	}
	f.Add(uint8(0), uint16(10), uint16(1), []byte("x"))
	f.Add(uint8(3), uint16(100), uint16(0), []byte(" "))
	f.Add(uint8(0), uint16(0), uint16(60000), []byte{})
	f.Fuzz(func(t *testing.T, which uint8, at, length uint16, with []byte) {
		name := names[int(which)%len(names)]
		before := m.read(t, name)
		from := int(at) % (len(before) + 1)
		to := min(from+int(length), len(before))
		after := slices.Concat(before[:from], with, before[to:])
		if bytes.Equal(before, after) {
			return
		}
		m.write(t, name, after)
		defer m.write(t, name, before)
		if exit, out := m.run("verify", m.dir, "-key", m.pub()); exit == 0 || strings.Contains(out, "\x1b") {
			t.Fatalf("%s: %q in place of %q: %d %s", name, with, before[from:to], exit, out)
		}
	})
}
