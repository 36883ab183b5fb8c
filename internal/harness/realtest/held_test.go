package realtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/node"
)

// slowed is a pgbackrest that goes no further while a file is there: restore once a file has come, archive-get at the
// segment that the file names.
const slowed = `#!/bin/bash
hold() {
	: > "$dir/held"
	while [ -e "$dir/hold" ]; do read -r -t 0.05 <> <(:) || :; done
}
dir=DIR
if [ -e "$dir/hold" ]; then
	at=$(cat "$dir/hold")
	case " $* " in
	*" restore "*)
		if [ "${at#restore:}" != "$at" ]; then
			(exec -a "$0" PROGRAM "$@") &
			restore=$!
			until compgen -G "DATA/${at#restore:}" > /dev/null || ! kill -0 $restore 2> /dev/null; do :; done
			kill -STOP $restore 2> /dev/null
			hold
			kill -CONT $restore 2> /dev/null
			wait $restore
			exit
		fi ;;
	*" archive-get "*"$at"*) hold ;;
	esac
fi
exec -a "$0" PROGRAM "$@"
`

// slow has every pgbackrest of the machine go through one that holds at a point: "restore:" and a pattern for a file in
// the data directory, or a segment's name.
func (n *machine) slow(at string) {
	n.t.Helper()
	own, err := exec.LookPath("pgbackrest")
	require.NoError(n.t, err)
	n.programs = filepath.Join(n.dir, "bin")
	require.NoError(n.t, os.Mkdir(n.programs, 0o755))
	script := strings.NewReplacer("DIR", filepath.Join(n.dir, "etc"), "PROGRAM", own, "DATA", n.data).Replace(slowed)
	require.NoError(n.t, os.WriteFile(filepath.Join(n.programs, "pgbackrest"), []byte(script), 0o755))
	n.write("etc/hold", at)
}

// release lets what is held go on.
func (n *machine) release() { require.NoError(n.t, os.Remove(filepath.Join(n.dir, "etc/hold"))) }

// isHeld says whether something is held.
func (n *machine) isHeld() bool {
	_, err := os.Lstat(filepath.Join(n.dir, "etc/held"))
	return err == nil
}

// atStep says how far a restore says that it is.
func (n *machine) atStep(step node.Step) bool {
	claim, err := node.ReadClaim(n.data)
	return err == nil && claim != nil && claim.Step == step
}
