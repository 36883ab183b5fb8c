package runner

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"veza.fr/recovery/internal/suite"
)

// CallAs is how to call this program again, as it was called (argv[0]): by its name where PATH leads to it, else by the
// same path.
func CallAs(argv0 string) string {
	name := filepath.Base(argv0)
	if argv0 == name {
		return name // PATH led to it
	}
	found, err := exec.LookPath(name)
	if err != nil {
		return argv0
	}
	inPath, err := os.Stat(found)
	this, unknown := os.Stat(argv0)
	if err == nil && unknown == nil && os.SameFile(inPath, this) {
		return name
	}
	return argv0
}

// typedAs is a line that says how to remove what is kept, with testprom as it is called here: the run that wrote it
// does not know. The variables before the name stay. So does any other line.
func typedAs(call, line string) string {
	const name, remove = "testprom", " -reap -kept "
	rest, ok := strings.CutPrefix(line, suite.RemoveIt)
	variables, names, found := strings.Cut(rest, name+remove)
	if !ok || !found || variables != "" && !strings.HasSuffix(variables, " ") {
		return line
	}
	return suite.RemoveIt + variables + cmp.Or(call, name) + remove + names
}
