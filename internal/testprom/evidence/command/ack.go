package command

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/evidence"
)

var ack = command{
	name: "ack", args: "DIR -run ID -by NAME -why TEXT [-sign-key FILE]",
	about: `ack adds an acknowledgement to the chain: who knows of a run that did not pass, and what it was.
It changes no verdict, and opens no gate.
`,
	flags: func(set *flag.FlagSet) func(World, []string) (int, error) {
		run := set.String("run", "", "`ID` of the run: the number of its entry, the name of its file, or its SHA-256")
		by := set.String("by", "", "`NAME` of whoever says so")
		why := set.String("why", "", "`TEXT`: what it was, and what mended it")
		signKey := set.String("sign-key", "", "sign it with the ed25519 key in `FILE`")
		return func(w World, words []string) (int, error) {
			dir, err := one(words, directory)
			if err != nil {
				return 0, err
			}
			for name, value := range map[string]string{"-run": *run, "-by": *by, "-why": *why} {
				if strings.TrimSpace(value) == "" {
					return 0, fmt.Errorf("%s is missing", name)
				}
			}
			l, err := evidence.Read(dir)
			if err != nil {
				return 0, err
			}
			of, err := runOf(l, *run)
			if err != nil {
				return 0, err
			}
			secret, err := signWith(l, *signKey)
			if err != nil {
				return 0, err
			}
			added, err := evidence.Append(dir, w.Now(), secret, acknowledge(of, suite.Line(*by), suite.Line(*why)))
			if err != nil {
				return 0, err
			}
			for _, repair := range added.Repairs {
				fmt.Fprintln(w.Out, repair)
			}
			fmt.Fprintf(w.Out, "%s acknowledges entry %d\nhead %s\n", suite.Line(added.File), of.Seq, added.Head)
			return exitGood, nil
		}
	},
}

// runOf finds a run that did not pass.
func runOf(l evidence.Ledger, id string) (evidence.Entry, error) {
	seq, _ := strconv.Atoi(id)
	i := slices.IndexFunc(l.Entries, func(e evidence.Entry) bool {
		return e.Seq == seq || e.File == id || e.Line.Envelope == id
	})
	switch {
	case i < 0:
		return evidence.Entry{}, fmt.Errorf("-run %q: the ledger has no such entry; it has %d", id, len(l.Entries))
	case l.Entries[i].Run == nil:
		return evidence.Entry{}, fmt.Errorf("-run %q: that entry is no run", id)
	case l.Entries[i].Run.Exit == reason.ExitPass:
		return evidence.Entry{}, fmt.Errorf("-run %q: that run passed, there is nothing to acknowledge", id)
	}
	return l.Entries[i], nil
}

// signWith is the key to sign with. Where the chain is signed, one that is not would be refused for good.
func signWith(l evidence.Ledger, path string) (ed25519.PrivateKey, error) {
	if path == "" {
		if l.Entries[len(l.Entries)-1].Signed() {
			return nil, errors.New("the chain is signed: sign this too, with -sign-key FILE")
		}
		return nil, nil
	}
	key, err := evidence.PrivateKey(path)
	if err != nil {
		return nil, fmt.Errorf("-sign-key: %w", err)
	}
	return key, nil
}

func acknowledge(of evidence.Entry, by, why string) func(evidence.Place) (evidence.Statement, error) {
	return func(at evidence.Place) (evidence.Statement, error) {
		predicate, err := json.Marshal(evidence.Ack{
			Entry: at, Schema: evidence.AckSchema, Run: of.Seq, By: by, Why: why,
		})
		return evidence.Statement{
			Type: evidence.StatementType, Subject: []evidence.Subject{evidence.Of(of.File, of.Line.Envelope)},
			PredicateType: evidence.AckType, Predicate: predicate,
		}, err
	}
}
