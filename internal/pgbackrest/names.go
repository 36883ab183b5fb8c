package pgbackrest

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// replaced are the names that options had before repositories and clusters were numbered, and
// before all stores shared the storage options, with the names that took their place. pgBackRest
// still reads them. It is parseRuleOptionDeprecate of src/config/parse.auto.c.inc at 2.59.1,
// generated from "deprecate" in src/build/config/config.yaml; 2.45 has the same. N is a number.
var replaced = map[string]string{
	"archive-queue-max": "archive-push-queue-max",

	"backup-cmd": "repo1-host-cmd", "backup-config": "repo1-host-config", "backup-host": "repo1-host",
	"backup-ssh-port": "repo1-host-port", "backup-user": "repo1-host-user",

	"db-cmd": "pg1-host-cmd", "db-config": "pg1-host-config", "db-host": "pg1-host", "db-path": "pg1-path",
	"db-port": "pg1-port", "db-socket-path": "pg1-socket-path", "db-ssh-port": "pg1-host-port",
	"db-user": "pg1-host-user",
	"dbN-cmd": "pgN-host-cmd", "dbN-config": "pgN-host-config", "dbN-host": "pgN-host", "dbN-path": "pgN-path",
	"dbN-port": "pgN-port", "dbN-socket-path": "pgN-socket-path", "dbN-ssh-port": "pgN-host-port",
	"dbN-user": "pgN-host-user",

	"hardlink": "repo1-hardlink", "repo-cipher-pass": "repo1-cipher-pass", "repo-cipher-type": "repo1-cipher-type",
	"repo-path": "repo1-path", "repo-type": "repo1-type",
	"retention-archive": "repo1-retention-archive", "retention-archive-type": "repo1-retention-archive-type",
	"retention-diff": "repo1-retention-diff", "retention-full": "repo1-retention-full",

	"repo-s3-bucket": "repo1-s3-bucket", "repo-s3-endpoint": "repo1-s3-endpoint", "repo-s3-key": "repo1-s3-key",
	"repo-s3-key-secret": "repo1-s3-key-secret", "repo-s3-region": "repo1-s3-region",
	"repo-s3-ca-file": "repo1-storage-ca-file", "repo-s3-ca-path": "repo1-storage-ca-path",
	"repo-s3-host": "repo1-storage-host", "repo-s3-verify-ssl": "repo1-storage-verify-tls",

	"repoN-azure-ca-file": "repoN-storage-ca-file", "repoN-azure-ca-path": "repoN-storage-ca-path",
	"repoN-azure-host": "repoN-storage-host", "repoN-azure-port": "repoN-storage-port",
	"repoN-azure-verify-tls": "repoN-storage-verify-tls",
	"repoN-s3-ca-file":       "repoN-storage-ca-file", "repoN-s3-ca-path": "repoN-storage-ca-path",
	"repoN-s3-host": "repoN-storage-host", "repoN-s3-port": "repoN-storage-port",
	"repoN-s3-verify-ssl": "repoN-storage-verify-tls", "repoN-s3-verify-tls": "repoN-storage-verify-tls",
}

// numbered is a name with a key: it stands before the first dash (cfgParseOption in parse.c).
var numbered = regexp.MustCompile(`^([^0-9-]+)([0-9]{1,9})(-.*)$`)

// NameOf is the name that pgBackRest knows an option by: repo1-path for repo-path, and for
// repo01-path. It is the name itself where no other took its place.
func NameOf(option string) string {
	found := numbered.FindStringSubmatch(option)
	if found == nil {
		if name, ok := replaced[option]; ok {
			return name
		}
		return option
	}
	key := strings.TrimLeft(found[2], "0")
	if name, ok := replaced[found[1]+"N"+found[3]]; ok {
		return strings.Replace(name, "N", key, 1)
	}
	return found[1] + key + found[3]
}

// commands are those of pgBackRest that may have a section of their own, such as [veza:restore]
// (src/build/config/config.yaml at 2.59.1, with those that only earlier versions have).
var commands = []string{
	"annotate", "archive-get", "archive-push", "backup", "check", "expire", "info", "manifest", "repo-create",
	"repo-get", "repo-ls", "repo-put", "repo-rm", "restore", "server", "server-ping", "stanza-create",
	"stanza-delete", "stanza-upgrade", "start", "stop", "verify",
}

// stanzaOf is the stanza a section belongs to. A stanza's own name may hold a colon, so what
// follows the last one must be a command; what is neither is taken for a command that
// we do not know, unless the section says where a cluster lies.
func stanzaOf(section string, lines []Line) string {
	colon := strings.LastIndex(section, ":")
	if colon < 0 {
		return section
	}
	lies := func(l Line) bool { return l.Section == section && clusterPath.MatchString(l.Option) }
	if !slices.Contains(commands, section[colon+1:]) && slices.ContainsFunc(lines, lies) {
		return section
	}
	return section[:colon]
}

var clusterPath = regexp.MustCompile(`^pg[0-9]+-path$`)

// Variable is one of the environment that pgBackRest would take an option from.
type Variable struct{ Name, Option string }

// Variables are those of an environment (as of os.Environ), by the name of the option as
// pgBackRest knows it. Values are left out: they may be secret.
func Variables(environ []string) (list []Variable) {
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if option, ok := strings.CutPrefix(name, "PGBACKREST_"); ok {
			option = NameOf(strings.ReplaceAll(strings.ToLower(option), "_", "-"))
			list = append(list, Variable{Name: name, Option: option})
		}
	}
	slices.SortFunc(list, func(a, b Variable) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Reaches says whether a variable decides where the repository with a key lies and what opens
// it: its other options say how it is written and what is kept.
func (v Variable) Reaches(key int) bool {
	option, ok := strings.CutPrefix(v.Option, "repo"+strconv.Itoa(key)+"-")
	if !ok {
		return false
	}
	for _, written := range []string{"retention-", "bundle", "block", "hardlink", "symlink"} {
		if strings.HasPrefix(option, written) {
			return false
		}
	}
	return true
}
