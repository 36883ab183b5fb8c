package command

import (
	"encoding/json"
	"os"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/testprom/evidence"
)

var ofEnvelopes = []tampering{
	{
		name: "a flipped bit", want: "is not the envelope that the ledger names",
		do: func(m hands) {
			text := m.read(m, entry3)
			text[len(text)/2] ^= 1
			m.write(m, entry3, text)
		},
	},
	{
		name: "a byte behind it", want: "is not the envelope that the ledger names",
		do: func(m hands) {
			m.write(m, entry3, append(m.read(m, entry3), '\n'))
		},
	},
	{
		name: "one removed", want: "its envelope 000003.dsse.json is gone",
		do: func(m hands) {
			require.NoError(m, os.Remove(m.path(entry3)))
		},
	},
	{
		name: "the last one removed", want: "its envelope 000007.dsse.json is gone",
		do: func(m hands) {
			require.NoError(m, os.Remove(m.path("000007.dsse.json")))
		},
	},
	{
		name: "one emptied", want: "is not the envelope that the ledger names",
		do: func(m hands) {
			m.write(m, entry3, nil)
		},
	},
	{
		name: "two exchanged", want: "is not the envelope that the ledger names",
		do: func(m hands) {
			a, b := m.read(m, entry3), m.read(m, entry4)
			m.write(m, entry3, b)
			m.write(m, entry4, a)
		},
	},
	{
		name: "two exchanged, and the ledger made to fit", want: "it was written as entry 4",
		do: func(m hands) {
			a, b := m.read(m, entry3), m.read(m, entry4)
			m.write(m, entry3, b)
			m.write(m, entry4, a)
			ledger := string(m.read(m, evidence.LedgerName))
			ofA, ofB := evidence.Digest(a), evidence.Digest(b)
			ledger = strings.NewReplacer(ofA, ofB, ofB, ofA).Replace(ledger)
			m.write(m, evidence.LedgerName, []byte(ledger))
			m.rechain(m)
		},
	},
	{
		name: "a failure made a pass, and the ledger made to fit", want: "it was changed after it was signed",
		do: func(m hands) {
			m.edited(m, entry4, func(p string) string {
				return strings.Replace(p, `"verdict":"fail"`, `"verdict":"pass"`, 1)
			})
		},
	},
	{
		name: "a signature taken away, and the ledger made to fit", want: "000004.dsse.json is not signed",
		do: func(m hands) {
			var e evidence.Envelope
			require.NoError(m, json.Unmarshal(m.read(m, entry4), &e))
			e.Signatures = []evidence.Signature{}
			m.rewritten(m, entry4, e)
		},
	},
	{
		name: "a second signature", want: "has 2 signatures",
		do: func(m hands) {
			var e evidence.Envelope
			require.NoError(m, json.Unmarshal(m.read(m, entry4), &e))
			e.Signatures = append(e.Signatures, e.Signatures[0])
			m.rewritten(m, entry4, e)
		},
	},
	{
		name: "another type of payload", want: "its payload is of type",
		do: func(m hands) {
			var e evidence.Envelope
			require.NoError(m, json.Unmarshal(m.read(m, entry4), &e))
			e.PayloadType = "application/json"
			m.rewritten(m, entry4, e)
		},
	},
	{
		name: "another type of predicate", want: "which is none of ours",
		do: func(m hands) {
			m.edited(m, entry4, func(p string) string {
				return strings.ReplaceAll(p, evidence.RunType, evidence.TestResultType)
			})
		},
	},
	{
		name: "an acknowledgement of another run", want: "that is not the run it was written for",
		do: func(m hands) {
			m.edited(m, "000007.dsse.json", func(p string) string {
				return strings.Replace(p, `"run":4`, `"run":5`, 1)
			})
		},
	},
	{
		name: "other words in an acknowledgement", want: "it was changed after it was signed",
		do: func(m hands) {
			m.edited(m, "000007.dsse.json", func(p string) string { return strings.Replace(p, "a disk", "a tape", 1) })
		},
	},
	{
		name: "all of it signed by another key", want: "000001.dsse.json is signed by another key",
		do: func(m hands) {
			secret, err := evidence.PrivateKey(m.other)
			require.NoError(m, err)
			require.NoError(m, os.RemoveAll(m.dir))
			require.NoError(m, os.Mkdir(m.dir, 0o755))
			m.secret = secret
			for i := range 6 {
				m.drill(m, begin.Add(time.Duration(i)*week))
			}
		},
	},
	{
		name: "an entry added by another key", want: "000008.dsse.json is signed by another key",
		do: func(m hands) {
			secret, err := evidence.PrivateKey(m.other)
			require.NoError(m, err)
			m.secret = secret
			m.drill(m, now())
		},
	},
	{
		name: "an entry added without a key", want: "000008.dsse.json is not signed",
		do: func(m hands) {
			m.secret = nil
			m.drill(m, now())
		},
	},
	{
		name: "one is a link", want: "000003.dsse.json is a symbolic link",
		do: func(m hands) {
			require.NoError(m, os.Rename(m.path(entry3), m.key+".moved"))
			require.NoError(m, os.Symlink(m.key+".moved", m.path(entry3)))
		},
	},
	{
		name: "one is a directory", want: "000003.dsse.json is not a file",
		do: func(m hands) {
			require.NoError(m, os.Remove(m.path(entry3)))
			require.NoError(m, os.Mkdir(m.path(entry3), 0o755))
		},
	},
	{
		name: "a copy of one", want: `"copy.dsse.json" is not named by the ledger`,
		do: func(m hands) {
			m.write(m, "copy.dsse.json", m.read(m, entry3))
		},
	},
	{
		name: "one that nobody named", want: "000008.dsse.json is not named by the ledger",
		do: func(m hands) {
			m.write(m, "000008.dsse.json", m.read(m, entry3))
		},
	},
	{
		name: "a file that is none of ours", want: `"notes.txt" is not named by the ledger`,
		do: func(m hands) {
			m.write(m, "notes.txt", []byte("hello"))
		},
	},
	{
		name: "a name that writes on the terminal", want: "is not named by the ledger",
		do: func(m hands) {
			m.write(m, "\x1b[2Jx", nil)
		},
	},
	{
		name: "a directory", want: `"more" is not named by the ledger`,
		do: func(m hands) {
			require.NoError(m, os.Mkdir(m.path("more"), 0o755))
		},
	},
	{
		name: "a missing week", want: "stanza demo was not drilled for 14.0 days",
		do: func(m hands) {
			m.drill(m, begin.Add(7*week))
		},
	},
}
