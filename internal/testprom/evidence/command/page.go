package command

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"time"

	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/evidence"
	"veza.fr/recovery/internal/testprom/evidence/page"
	"veza.fr/recovery/internal/testprom/whole"
)

var show = command{
	name: "page", args: "DIR -o FILE.html [-stanza NAME] [-key PUB] [-cadence 8d]",
	about: `page writes what DIR says as one HTML file, which needs no network and no other file: verdicts,
RTO with its forecast, RPO, what was never proved, every failure, and whether the chain is whole.
With several stanzas it is the page of the fleet, else, and with -stanza, that of one.

The exit status is 0 also when the evidence is broken: the page says so in its first lines, and
"evidence verify" ends with 1.
`,
	flags: func(set *flag.FlagSet) func(World, []string) (int, error) {
		path := set.String("o", "", "`FILE` that is written whole")
		stanza := set.String("stanza", "", "`NAME` of the only stanza to show")
		keys := set.String("key", "", "`FILE` of the public key that must have signed every entry")
		cadence := age(8 * day)
		set.Var(&cadence, "cadence", "the longest `TIME` between two drills of a stanza")
		return func(w World, words []string) (int, error) {
			dir, err := one(words, directory)
			switch {
			case err != nil:
				return 0, err
			case *path == "":
				return 0, errors.New("-o is missing: name the file to write")
			case inside(dir, *path):
				return 0, fmt.Errorf("-o %s lies in the directory of the evidence, where a file that the ledger does "+
					"not name is tampering: put it elsewhere", *path)
			}
			public, err := publicKeys(*keys)
			if err != nil {
				return 0, err
			}
			if err = whole.Check(*path); err != nil {
				return 0, err
			}
			l, err := evidence.Read(dir)
			if err != nil {
				return 0, err
			}
			data := page.Of(l, page.Asked{
				Stanza: *stanza, Findings: l.Verify(public), Keyed: len(public) > 0,
				Cadence: time.Duration(cadence), Now: w.Now(),
			})
			if *stanza != "" && len(data.Stanzas) == 0 {
				return 0, fmt.Errorf("-stanza %s: no run of it is recorded", *stanza)
			}
			var text bytes.Buffer
			if err = page.Render(&text, data); err != nil {
				return 0, err
			}
			if err = whole.Replace(*path, text.Bytes()); err != nil {
				return 0, err
			}
			_, _ = fmt.Fprintf(w.Out, "%s: %d entries, %d stanzas, %d findings\n", suite.Line(*path), len(l.Entries),
				len(data.Stanzas), len(data.Chain.Findings))
			return exitGood, nil
		}
	},
}

// inside says whether a file lies in a directory.
func inside(dir, path string) bool {
	resolved := func(path string) string {
		if absolute, err := filepath.Abs(path); err == nil {
			path = absolute
		}
		if target, err := filepath.EvalSymlinks(path); err == nil {
			path = target
		}
		return path
	}
	return resolved(dir) == resolved(filepath.Dir(path))
}
