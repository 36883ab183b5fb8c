package settings

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Claims are the names -claims takes, in the order they are asked. What each one says stands in
// package backup, whose test holds this list equal to the suite's.
var Claims = []string{
	"policy", "stanza", "cadence", "archive", "rpo", "retention", "encryption", "integrity",
}

// parseClaims reads the value of -claims; nil is all that the repository can be asked.
func parseClaims(value string) ([]string, error) {
	if value == "all" {
		return nil, nil
	}
	asked := strings.Split(value, ",")
	for i, name := range asked {
		switch {
		case !slices.Contains(Claims, name):
			return nil, fmt.Errorf("%q is no claim: all, or names by commas of %s", name, strings.Join(Claims, ", "))
		case slices.Contains(asked[:i], name):
			return nil, errors.New("names " + name + " twice")
		}
	}
	return slices.DeleteFunc(slices.Clone(Claims), func(name string) bool { return !slices.Contains(asked, name) }), nil
}
