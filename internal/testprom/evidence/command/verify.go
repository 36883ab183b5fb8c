package command

import (
	"crypto/ed25519"
	"flag"
	"fmt"
	"time"

	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/evidence"
)

var verify = command{
	name: "verify", args: "DIR [-key PUB] [-cadence 8d] [-head HASH]",
	about: `verify reads every entry of DIR and says what is wrong: a signature, a line or an envelope
that was changed, removed, added, moved or exchanged, a time without a drill.

What it cannot see is that the newest entries were cut off, lines and envelopes alike:
  -head HASH, of a head that was written down elsewhere (testprom prints it), shows it
  evidence gate -max-age 8d ends with 1 once the newest that is left is too old
`,
	flags: func(set *flag.FlagSet) func(World, []string) (int, error) {
		keys := set.String("key", "",
			"`FILE` of the public key that must have signed every entry (several, when it was replaced)")
		cadence := age(8 * day)
		set.Var(&cadence, "cadence", "the longest `TIME` between two drills of a stanza")
		head := set.String("head", "", "`HASH` of a line that must be in the ledger")
		return func(w World, words []string) (int, error) {
			dir, err := one(words, directory)
			if err != nil {
				return 0, err
			}
			public, err := publicKeys(*keys)
			if err != nil {
				return 0, err
			}
			l, err := evidence.Read(dir)
			if err != nil {
				return 0, err
			}
			found := append(l.Verify(public), l.Gaps(time.Duration(cadence))...)
			if *head != "" && !l.Holds(*head) {
				found = append(found, evidence.Finding{Text: fmt.Sprintf(
					"no line has the hash %s: entries were cut off, or this is another ledger", *head)})
			}
			return w.tell(l, found, len(public) > 0), nil
		}
	},
}

// publicKeys are those of a file; "" is none.
func publicKeys(path string) ([]ed25519.PublicKey, error) {
	if path == "" {
		return nil, nil
	}
	keys, err := evidence.PublicKeys(path)
	if err != nil {
		return nil, fmt.Errorf("-key: %w", err)
	}
	return keys, nil
}

// tell prints what was found, a line each.
func (w World) tell(l evidence.Ledger, found []evidence.Finding, keyed bool) int {
	for _, f := range found {
		fmt.Fprintln(w.Out, suite.Line(f.Text))
	}
	if len(found) > 0 {
		fmt.Fprintf(w.Out, "BROKEN  %s: %d findings in %d entries\n", suite.Line(l.Dir), len(found), len(l.Entries))
		return exitBroken
	}
	signed := "every signature is of the key"
	if !keyed {
		signed = "signatures were not looked at: -key PUB does"
	}
	fmt.Fprintf(w.Out, "WHOLE  %s: %d entries, chained, %s\n", suite.Line(l.Dir), len(l.Entries), signed)
	fmt.Fprintf(w.Out, "newest %s\n", describe(l.Entries[len(l.Entries)-1], w.Now()))
	fmt.Fprintf(w.Out, "head   %s\n", l.Head())
	return exitGood
}

// describe is an entry in a line.
func describe(e evidence.Entry, now time.Time) string {
	switch {
	case e.Run != nil:
		return suite.Line(fmt.Sprintf("entry %d, %s of stanza %s, %s (%s), %s, %s ago", e.Seq, e.Run.Suite,
			e.Run.Stanza, e.Run.Verdict, e.Run.Reason, e.Run.Ended.Format(time.RFC3339),
			ago(now.Sub(e.Run.Ended))))
	case e.Ack != nil:
		return suite.Line(fmt.Sprintf("entry %d, acknowledgement of entry %d by %s: %s", e.Seq, e.Ack.Run, e.Ack.By,
			e.Ack.Why))
	}
	return fmt.Sprintf("entry %d", e.Seq)
}
