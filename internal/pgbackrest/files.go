package pgbackrest

import (
	"os"
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

// identities are the variables by which AWS tells a program of a key type who it is: a role, an address, and the name
// of a file that holds a token. None is a secret.
var identities = map[string][]string{
	"web-id": {"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"},
	"pod-id": {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"},
}

// Identity is the environment that pgBackRest needs of this machine's for the key type of the repository, which stands
// in no conf (storageS3Helper in src/storage/s3/helper.c).
func (r Repo) Identity() (env []string) {
	if r.Type() != "s3" {
		return nil
	}
	for _, name := range identities[r.Option("s3-key-type")] {
		if value, set := os.LookupEnv(name); set {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// Served says whether a machine that reaches nothing but object stores and read-only directories can use the
// repository; name is what it is for a message. Keys that the conf does not hold come from services and files of this
// machine, or this machine's network.
func (r Repo) Served() (name string, ok bool) {
	repo := "repo" + strconv.Itoa(r.Key)
	if r.Option("host") != "" {
		return repo + "-host", false
	}
	if keys := r.Option("s3-key-type"); r.Type() == "s3" && keys != "" && keys != "shared" {
		return repo + "-s3-key-type=" + keys, false
	}
	return repo + "-type=" + r.Type(), r.Type() == "s3" || r.Type() == "posix"
}
