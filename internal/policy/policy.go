package policy

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"veza.fr/recovery/internal/pgbackrest"
)

// rule is one line of the policy: an option and the values it may have.
type rule struct {
	option   string // N stands for the repository's key
	want     []string
	standard string   // what pgBackRest takes when the option is not set; "" is not good enough
	commands []string // that use it: each may have a section of its own
	why      string   // what is lost otherwise
}

var (
	allCommands = []string{"backup", "archive-push", "restore", "archive-get", "expire", "info", "verify"}
	writers     = []string{"backup", "archive-push"}
	expirers    = []string{"backup", "expire"} // expire runs after a backup, with the backup's section
)

// rules are what the policy says of a conf. What is no choice of an operator's stands in it as well.
func (p Policy) rules() []rule {
	level := fmt.Sprint(levels[p.CompressType].standard)
	return []rule{
		{"repoN-type", []string{"s3"}, "", allCommands, "the repository is not in the object store"},
		{"repoN-s3-uri-style", []string{p.URIStyle}, "", allCommands, "the store is addressed by " + p.URIStyle},
		{"repoN-cipher-type", []string{"aes-256-cbc"}, "", allCommands, "nothing is encrypted"},
		{"repoN-storage-verify-tls", []string{"y"}, "y", allCommands, "the certificate is not checked"},
		{"compress", []string{"y"}, "y", writers, "nothing is compressed"},
		{"compress-type", []string{p.CompressType}, "", writers, "backups and WAL are to be " + p.CompressType},
		{
			"compress-level",
			[]string{fmt.Sprint(p.CompressLevel)},
			level, writers,
			"the level was chosen for speed and size",
		},
		{"repoN-retention-full-type", []string{"count"}, "count", expirers, "full backups are kept by number"},
		{
			"repoN-retention-full",
			[]string{fmt.Sprint(p.Fulls)},
			"", expirers,
			"too few full backups are kept, or all of them for ever",
		},
		{
			"repoN-retention-diff",
			[]string{fmt.Sprint(p.Diffs)},
			"", expirers,
			"too few differential backups are kept, or all of them",
		},
		{"repoN-retention-archive-type", []string{"full"}, "full", expirers, "the archive is kept by full backups"},
		{
			"repoN-retention-archive",
			[]string{fmt.Sprint(p.Archives)},
			fmt.Sprint(p.Fulls), expirers,
			"a kept backup cannot be recovered to any moment since",
		},
	}
}

// File is a pgbackrest.conf as a file.
type File struct {
	Path   string
	Mode   fs.FileMode
	Owner  string // user name
	Runner string // the user whose run reads it
}

// confMode is the most a file that holds secrets may allow.
const confMode = 0o640

// CheckConf compares a conf with the policy. read are the lines it looked at,
// findings what is wrong, with the line it stands in; secrets are in neither.
// The conf of a client of a repository host is judged by what a client decides.
func (p Policy) CheckConf(conf *pgbackrest.Config, stanza string, key int, file File) (read, findings []string) {
	rules := p.rules()
	if conf.Repo(stanza, key).Option("host") != "" {
		rules = ofClient(rules)
	} else {
		findings = append(plain(conf, key), holdsLess(conf, stanza)...)
	}
	for _, r := range rules {
		good, bad := r.judge(conf, stanza, key)
		read, findings = append(read, good...), append(findings, bad...)
	}
	findings = append(findings, restoresLess(conf, stanza)...)
	placeholders := conf.Repo(stanza, key).Placeholders()
	for _, option := range placeholders {
		place := conf.Path
		if l, ok := conf.Line(stanza, "restore", option); ok {
			place = l.Place()
		}
		findings = append(findings,
			fmt.Sprintf("%s: %s is a placeholder, or empty: put the real value there", place, option))
	}
	if len(placeholders) == 0 {
		read = append(read, "no secret is a placeholder")
	}
	good, bad := file.Check()
	return append(read, good...), append(findings, bad...)
}

// ofClient are the rules on what a client of a repository host decides, which is how WAL is compressed before it is
// sent. The options of the repository count on its host alone, and so do those of backup and expire, which run there.
func ofClient(rules []rule) (list []rule) {
	for _, r := range rules {
		if !strings.HasPrefix(r.option, "repoN-") && slices.Contains(r.commands, "archive-push") {
			r.commands = []string{"archive-push"}
			list = append(list, r)
		}
	}
	return list
}

// plain are findings on an object store that is spoken to without TLS.
func plain(conf *pgbackrest.Config, key int) (findings []string) {
	for _, option := range []string{"s3-endpoint", "storage-host"} {
		for _, l := range conf.Sets(fmt.Sprintf("repo%d-%s", key, option)) {
			if strings.HasPrefix(l.Value, "http://") {
				findings = append(findings,
					fmt.Sprintf("%s: %s=%s: passwords and data cross the network in the clear", l.Place(), l.Name,
						l.Value))
			}
		}
	}
	return findings
}

// judge looks at what every command that uses an option sees.
func (r rule) judge(conf *pgbackrest.Config, stanza string, key int) (read, findings []string) {
	option := strings.Replace(r.option, "N", fmt.Sprint(key), 1)
	for _, command := range r.commands {
		l, set := conf.Line(stanza, command, option)
		text, good := fmt.Sprintf("%s (%s)", written(l), l.Place()), true
		switch {
		case !set && r.standard == "":
			text, good = fmt.Sprintf("%s: %s is not set: %s; it must be %s", conf.Path, option, r.why, r.want[0]), false
		case !set && !slices.Contains(r.want, r.standard):
			text, good = fmt.Sprintf("%s: %s is not set, which is %s: %s; it must be %s", conf.Path, option, r.standard,
				r.why, r.want[0]), false
		case !set:
			text = fmt.Sprintf("%s=%s (pgBackRest's default)", option, r.standard)
		case !slices.Contains(r.want, l.Value):
			text, good = fmt.Sprintf("%s: %s: %s; it must be %s", l.Place(), written(l), r.why, r.want[0]), false
		}
		if good && !slices.Contains(read, text) {
			read = append(read, text)
		}
		if !good && !slices.Contains(findings, text) {
			findings = append(findings, text)
		}
	}
	return read, findings
}

// written is the option as it stands in the conf, with the name that took its place where it
// is an old one, which counts like the new one.
func written(l pgbackrest.Line) string {
	if l.Name == l.Option {
		return l.Name + "=" + l.Value
	}
	return fmt.Sprintf("%s=%s, an old name of %s", l.Name, l.Value, l.Option)
}

// Check says whether anybody can read or write the file who must not.
func (f File) Check() (read, findings []string) {
	mode := f.Mode.Perm()
	if mode&^confMode != 0 {
		findings = append(findings,
			fmt.Sprintf("%s: mode %04o: the secrets in it are others' to read or change; it must be %04o or stricter",
				f.Path, mode, confMode))
	}
	if !slices.Contains([]string{"root", "postgres", f.Runner}, f.Owner) {
		findings = append(findings,
			fmt.Sprintf("%s: it belongs to user %q; it must belong to root or postgres", f.Path, f.Owner))
	}
	if len(findings) == 0 {
		read = []string{fmt.Sprintf("%s: mode %04o, owner %s", f.Path, mode, f.Owner)}
	}
	return read, findings
}
