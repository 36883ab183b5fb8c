package pgbackrest

import (
	"regexp"
	"slices"
	"strconv"
)

var repoOption = regexp.MustCompile(`^repo([1-9][0-9]{0,2})-`)

// Repos are the keys of the repositories the conf speaks of, in order; where it speaks of none, pgBackRest leaves
// repository 1 to its defaults.
func (c *Config) Repos() []int {
	var keys []int
	for _, l := range c.lines {
		found := repoOption.FindStringSubmatch(l.Option)
		if found == nil {
			continue
		}
		if key, err := strconv.Atoi(found[1]); err == nil && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return []int{1}
	}
	slices.Sort(keys)
	return keys
}

// Path is the directory of a posix repository; /var/lib/pgbackrest is pgBackRest's default.
func (r Repo) Path() string {
	if path := r.Option("path"); path != "" {
		return path
	}
	return "/var/lib/pgbackrest"
}

// CAFile is the file of certificates the conf gives for the store.
func (r Repo) CAFile() string { return r.Option("storage-ca-file") }

// CAPath is a directory of certificates by hash, as OpenSSL reads it.
func (r Repo) CAPath() string { return r.Option("storage-ca-path") }

// Served says whether a machine that reaches nothing but object stores and
// read-only directories can use the repository; name is its kind for a message.
func (r Repo) Served() (name string, ok bool) {
	if r.Option("host") != "" {
		return "repo" + strconv.Itoa(r.Key) + "-host", false
	}
	return "repo" + strconv.Itoa(r.Key) + "-type=" + r.Type(), r.Type() == "s3" || r.Type() == "posix"
}
