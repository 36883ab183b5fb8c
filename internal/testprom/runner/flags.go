package runner

import (
	"path/filepath"
	"slices"
	"strings"
)

// flagValues are the flags of a command line by name, leading dashes left out.
type flagValues map[string]string

// or is the value of a flag, else the fallback.
func (f flagValues) or(name, fallback string) string {
	if value := f[name]; value != "" {
		return value
	}
	return fallback
}

// flags reads -name=value and -name value alike. Which flags are boolean is not
// known here; the word after a boolean flag is taken for its value, and nobody asks for that.
func flags(args []string) flagValues {
	found := flagValues{}
	for i, arg := range args {
		name, ok := flagName(arg)
		if !ok {
			continue
		}
		name, value, inline := strings.Cut(name, "=")
		if !inline && i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") {
			value = args[i+1]
		}
		found[name] = value
	}
	return found
}

// without leaves out boolean flags, whatever their value: the last one counts,
// and testprom needs its own.
func without(args []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(args), func(arg string) bool {
		name, ok := flagName(arg)
		name, _, _ = strings.Cut(name, "=")
		return ok && slices.Contains(names, name)
	})
}

func flagName(arg string) (string, bool) {
	name, ok := strings.CutPrefix(arg, "-")
	name = strings.TrimPrefix(name, "-")
	return name, ok && name != ""
}

// splitArgs separates what `go test` reads from -args and what follows it.
func splitArgs(args []string) (own, passedOn []string) {
	for i, arg := range args {
		if arg == "-args" || arg == "--args" {
			return slices.Clone(args[:i]), args[i:]
		}
	}
	return slices.Clone(args), nil
}

// fileFlags name files relative to where testprom was called; go test runs the
// test binary elsewhere, in its package's directory.
var fileFlags = []string{"conf", "checks", "state", "suggest", "policy"}

// absolute makes the values of the file flags absolute.
func absolute(argv []string) []string {
	argv = slices.Clone(argv)
	for i, arg := range argv {
		name, ok := flagName(arg)
		if !ok {
			continue
		}
		name, value, inline := strings.Cut(name, "=")
		switch {
		case !slices.Contains(fileFlags, name):
		case inline:
			argv[i] = "-" + name + "=" + absolutePath(value)
		case i+1 < len(argv):
			argv[i+1] = absolutePath(argv[i+1])
		}
	}
	return argv
}

// absoluteEnv does the same for the variables that are the defaults of these flags.
func absoluteEnv(env []string) []string {
	env = slices.Clone(env)
	for i, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		setting, ours := strings.CutPrefix(name, "DRILL_")
		if ours && slices.Contains(fileFlags, strings.ToLower(setting)) {
			env[i] = name + "=" + absolutePath(value)
		}
	}
	return env
}

func absolutePath(path string) string {
	if path == "" {
		return path
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return absolute
}

// lookup is a variable's value in env, the last one if there are several.
func lookup(env []string, name string) (value string) {
	for _, pair := range env {
		if v, ok := strings.CutPrefix(pair, name+"="); ok {
			value = v
		}
	}
	return value
}
