package suite

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// ParseFlags parses a command line into set. What is wrong is one line on set's output and not a page:
// the flag, the nearest one there is, and -h; -h itself prints the usage there. Done says that the
// program ends here, with the exit status of package flag: 2, after -h 0.
func ParseFlags(set *flag.FlagSet, args []string) (exit int, done bool) {
	set.Init(set.Name(), flag.ContinueOnError)
	usage, out := set.Usage, set.Output()
	set.Usage = func() {}
	set.SetOutput(io.Discard)
	err := set.Parse(args)
	set.SetOutput(out)
	set.Usage = usage
	switch {
	case err == nil:
		return 0, false
	case errors.Is(err, flag.ErrHelp):
		if usage == nil {
			usage = set.PrintDefaults
		}
		usage()
		return 0, true
	}
	_, _ = fmt.Fprintln(out, FlagError(set, err))
	return 2, true
}

// undefined begins what package flag says of a flag that is not there.
const undefined = "flag provided but not defined: -"

// FlagError is an error of set.Parse in one printable line. It begins as package flag's own does.
func FlagError(set *flag.FlagSet, err error) string {
	text := Line(err.Error())
	if name, ok := strings.CutPrefix(text, undefined); ok {
		if near := nearest(set, name); near != "" {
			return fmt.Sprintf("%s; did you mean -%s? -h lists them all", text, near)
		}
	}
	return text + "; -h lists the flags"
}

// nearest is the flag that was meant. The flags of the test framework are not meant by anybody.
func nearest(set *flag.FlagSet, wrong string) string {
	var names []string
	set.VisitAll(func(f *flag.Flag) {
		if !strings.HasPrefix(f.Name, "test.") {
			names = append(names, f.Name)
		}
	})
	return Nearest(names, wrong)
}

// Nearest is the name that is a few letters away from a wrong one, or begins with it; "" when none is.
func Nearest(names []string, wrong string) (name string) {
	const longest = 40 // of what was meant for a name
	if len(wrong) > longest {
		return ""
	}
	least := 1 + max(1, len(wrong)/3)
	for _, candidate := range names {
		far := distance(wrong, candidate)
		if len(wrong) > 2 && strings.HasPrefix(candidate, wrong) {
			far = 1
		}
		if far < least {
			name, least = candidate, far
		}
	}
	return name
}

// distance is how many bytes must be put in, left out or changed to make b of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := corner
			if a[i] != b[j] {
				change++
			}
			corner = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
