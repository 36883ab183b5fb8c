package settings

import (
	"fmt"
	"slices"
	"strings"
)

// DeepChecks are the names -deep takes, in the order the checks run. What each one proves, and
// the check itself, stand in package verify, whose test holds the two lists equal.
var DeepChecks = []string{
	"invalid_indexes", "collations", "extensions", "files", "lost_rows", "sequences", "full_read", "amcheck",
	"unique_keys", "page_checksums",
}

// parseDeep reads the value of -deep.
func parseDeep(value string) ([]string, error) {
	switch value {
	case "all":
		return slices.Clone(DeepChecks), nil
	case "none":
		return nil, nil
	}
	asked := strings.Split(value, ",")
	var list []string
	for _, name := range DeepChecks {
		if slices.Contains(asked, name) {
			list = append(list, name)
		}
	}
	for _, name := range asked {
		if !slices.Contains(list, name) {
			return nil, fmt.Errorf("%q is no deeper check: all, none, or names by commas of %s",
				name, strings.Join(DeepChecks, ", "))
		}
	}
	return list, nil
}
