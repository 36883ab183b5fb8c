package settings

import (
	"fmt"
	"slices"
	"strings"
)

// Deep is one of the deeper checks by its name, which -deep takes, and which is the
// value of label check.
type Deep struct {
	Name  string
	Proof string // what it proves
}

// DeepChecks are all there are, in the order they are begun: what finds most for its
// time comes first, since the budget may cut the last.
var DeepChecks = []Deep{
	{"invalid_indexes", "no index is marked as invalid"},
	{"collations", "no index is sorted by another version of its collation than the one here"},
	{"extensions", "what the data needs of extensions is installed here"},
	{"sequences", "no sequence is behind the column it feeds"},
	{"full_read", "every row of every table can be read, with what is stored out of line"},
	{"amcheck", "every B-tree index agrees with its table, and every heap page is well formed"},
	{"page_checksums", "every page of every file has its checksum"},
}

func deepNames() []string {
	names := make([]string, len(DeepChecks))
	for i, check := range DeepChecks {
		names[i] = check.Name
	}
	return names
}

// parseDeep reads the value of -deep.
func parseDeep(value string) ([]string, error) {
	switch value {
	case "all":
		return deepNames(), nil
	case "none":
		return nil, nil
	}
	asked := strings.Split(value, ",")
	var list []string
	for _, name := range deepNames() {
		if slices.Contains(asked, name) {
			list = append(list, name)
		}
	}
	for _, name := range asked {
		if !slices.Contains(list, name) {
			return nil, fmt.Errorf("%q is no deeper check: all, none, or names by commas of %s", name, strings.Join(deepNames(), ", "))
		}
	}
	return list, nil
}
