package command

import (
	"flag"
	"fmt"

	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/evidence"
)

var key = command{
	name: "key", args: "FILE",
	about: `key makes an ed25519 key: FILE (PKCS #8, PEM, mode 0600) to sign with, and FILE.pub (PEM) to
verify by. It overwrites nothing. Keep FILE on the drill's host alone; give FILE.pub away.
`,
	flags: func(*flag.FlagSet) func(World, []string) (int, error) {
		return func(w World, words []string) (int, error) {
			path, err := one(words, "FILE, the key to make")
			if err != nil {
				return 0, err
			}
			public, err := evidence.MakeKey(path)
			if err != nil {
				return 0, err
			}
			name := suite.Line(path)
			fmt.Fprintf(w.Out, "%s signs, %s.pub verifies: %s\n", name, name, evidence.KeyID(public))
			return exitGood, nil
		}
	},
}
