package command

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/evidence"
)

var gate = command{
	name: "gate", args: "DIR -key PUB [-max-age 8d] [-stanza S] [-require compare,deep,readonly]",
	about: `gate is for a pipeline: it ends with 0 only when the newest drill of the stanza is a pass that
is signed, young enough, in an unbroken chain, with the checks that are required.
A drill that came to no verdict closes it. One of the repository as it was (-repo-target-time)
neither opens nor closes it.
`,
	flags: func(set *flag.FlagSet) func(World, []string) (int, error) {
		keys := set.String("key", "", "`FILE` of the public key that must have signed every entry")
		oldest := age(8 * day)
		set.Var(&oldest, "max-age", "how long ago the drill may have ended, a `TIME`")
		stanza := set.String("stanza", "", "`STANZA` (default: the only one that is drilled)")
		require := set.String("require", "", "`CHECKS` that must have passed, by commas: compare (all of the data), "+
			"deep (every deeper check), readonly (the drill's key cannot write), or the name of a deeper check")
		return func(w World, words []string) (int, error) {
			dir, err := one(words, directory)
			if err != nil {
				return 0, err
			}
			if *keys == "" {
				return 0, errors.New("-key PUB is missing: without it a pass proves nothing")
			}
			wanted := evidence.Wanted{MaxAge: time.Duration(oldest), Stanza: *stanza}
			if wanted.Checks, err = required(*require); err != nil {
				return 0, err
			}
			if wanted.Keys, err = publicKeys(*keys); err != nil {
				return 0, err
			}
			l, err := evidence.Read(dir)
			if err != nil {
				return 0, err
			}
			newest, closed := l.Gate(wanted, w.Now())
			if closed != "" {
				fmt.Fprintf(w.Out, "CLOSED  %s\n", suite.Line(closed))
				return exitBroken, nil
			}
			fmt.Fprintf(w.Out, "OPEN  %s\n", describe(newest, w.Now()))
			return exitGood, nil
		}
	},
}

// required are the names of checks.
func required(list string) (names []string, err error) {
	if list == "" {
		return nil, nil
	}
	known := append([]string{evidence.CheckCompare, evidence.CheckDeep, evidence.CheckReadonly}, settings.DeepChecks...)
	names = strings.Split(list, ",")
	for i, name := range names {
		name = strings.TrimSpace(name)
		names[i] = name
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("-require %q: there are %s", name, strings.Join(known, ", "))
		}
	}
	return names, nil
}
