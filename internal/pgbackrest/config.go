package pgbackrest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"veza.fr/recovery/internal/reason"
)

// Config is a pgbackrest.conf as it was read, followed by whatever stands in
// conf.d. It answers questions; pgBackRest itself reads the file.
type Config struct {
	Path     string // where it was read, for messages
	lines    []Line
	sections []string // in the order they begin
}

// ParseConfig reads a pgbackrest.conf; more are the files of its conf.d, in order. It reads as
// pgBackRest does (linesOf): no quoting, no interpolation, no comment after a value. No library
// for INI files does: they take ; for a comment, or skip a byte order mark, and a conf that
// pgBackRest refuses would pass. The error's reason is config_invalid.
func ParseConfig(path string, content []byte, more ...ConfFile) (*Config, error) {
	c := &Config{Path: path}
	for _, f := range append([]ConfFile{{path, content}}, more...) {
		lines, sections, err := linesOf(f)
		if err != nil {
			return nil, err
		}
		c.lines, c.sections = append(c.lines, lines...), append(c.sections, sections...)
	}
	return c, nil
}

// Stanzas are the names of the stanza sections, without [global] and [name:command].
func (c *Config) Stanzas() []string {
	var names []string
	for _, section := range c.sections {
		name := stanzaOf(section, c.lines)
		if section != "global" && !strings.HasPrefix(section, "global:") && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// Stanza is the one to drill: the wanted one if the conf has it, or its only one.
func (c *Config) Stanza(wanted string) (string, error) {
	names := c.Stanzas()
	switch {
	case wanted != "" && (slices.Contains(names, wanted) || slices.Contains(c.sections, wanted)):
		return wanted, nil // a stanza that is called like a section of a command is one when somebody says so
	case wanted != "":
		return "", reason.Errorf(reason.ConfigInvalid, "-stanza %s: %s has no section [%s]; it has %s", wanted, c.Path,
			wanted, strings.Join(names, ", "))
	case len(names) == 1:
		return names[0], nil
	case len(names) == 0:
		return "", reason.Errorf(reason.ConfigInvalid, "%s has no stanza section", c.Path)
	}
	return "", reason.Errorf(reason.ConfigInvalid, "%s has several stanzas (%s): choose one with -stanza", c.Path,
		strings.Join(names, ", "))
}

// Option is the value a command sees for an option: the stanza's section before
// [global], within each the part for the command first. Empty when it is not set.
func (c *Config) Option(stanza, command, option string) string {
	l, _ := c.Line(stanza, command, option)
	return l.Value
}

// sections are where a command looks for an option, in order.
func sections(stanza, command string) []string {
	return []string{stanza + ":" + command, stanza, "global:" + command, "global"}
}

// Repo is one repository of a conf.
type Repo struct {
	Key  int
	conf *Config
	name string
}

// Repo gives access to the options of repository key.
func (c *Config) Repo(stanza string, key int) Repo { return Repo{Key: key, conf: c, name: stanza} }

// Option is repoN-<option>.
func (r Repo) Option(option string) string {
	return r.conf.Option(r.name, "restore", "repo"+strconv.Itoa(r.Key)+"-"+option)
}

// Type is posix, s3, azure, gcs, sftp or cifs; posix is pgBackRest's default.
func (r Repo) Type() string {
	if t := r.Option("type"); t != "" {
		return t
	}
	return "posix"
}

// Encrypted says whether the repository has a cipher.
func (r Repo) Encrypted() bool {
	return r.Option("cipher-type") != "" && r.Option("cipher-type") != "none"
}

// Exists says whether the conf says anything of this repository, or leaves it all to defaults as one may with
// repository 1 where there is no other.
func (r Repo) Exists() bool { return slices.Contains(r.conf.Repos(), r.Key) }

// CheckRepo refuses a repository key the conf does not know.
func (c *Config) CheckRepo(stanza string, key int) error {
	if c.Repo(stanza, key).Exists() {
		return nil
	}
	var others []string
	for _, other := range c.Repos() {
		others = append(others, "-repo "+strconv.Itoa(other))
	}
	return reason.Errorf(reason.ConfigInvalid, "-repo %d: %s has no option repo%d-...; what it has is %s", key, c.Path,
		key, strings.Join(others, ", "))
}

// secretOptions are the options pgBackRest refuses on its command line because
// they are secret (secure: true in its config.yaml), as suffixes of repoN-.
var secretOptions = []string{
	"cipher-pass", "s3-key", "s3-key-secret", "s3-token", "s3-sse-customer-key", "azure-key",
	"sftp-private-key-passphrase",
}

// required secrets by what makes them so: an empty value is a placeholder then.
func (r Repo) needs(option string) bool {
	switch option {
	case "cipher-pass":
		return r.Encrypted()
	case "s3-key", "s3-key-secret":
		return r.Type() == "s3" && (r.Option("s3-key-type") == "" || r.Option("s3-key-type") == "shared")
	case "azure-key":
		return r.Type() == "azure" && r.Option("azure-key-type") != "auto"
	}
	return false
}

// Secrets are the values pgBackRest treats as secret, of every section: what must
// never appear anywhere.
func (c *Config) Secrets() []string {
	var values []string
	for _, l := range c.lines {
		repo, option, _ := strings.Cut(l.Option, "-")
		if strings.HasPrefix(repo, "repo") && slices.Contains(secretOptions, option) && l.Value != "" {
			values = append(values, l.Value)
		}
	}
	return values
}

// CheckSecrets refuses placeholders: the reason is placeholder_secret, the option
// is named and its value is not shown.
func (r Repo) CheckSecrets() error {
	for _, option := range r.Placeholders() {
		return reason.Errorf(reason.PlaceholderSecret, "%s: %s is a placeholder (or empty); put the real value there",
			r.conf.Path, option)
	}
	return nil
}

// Placeholders are the secret options of the repository that hold none, or are missing
// although they are needed, with their whole name.
func (r Repo) Placeholders() (options []string) {
	for _, option := range secretOptions {
		if value := r.Option(option); (value != "" || r.needs(option)) && IsPlaceholder(value) {
			options = append(options, fmt.Sprintf("repo%d-%s", r.Key, option))
		}
	}
	return options
}

var placeholders = []string{
	"changeme", "change_me", "change-me", "replaceme", "replace_me", "placeholder", "example", "todo",
}

// IsPlaceholder says whether a secret is none: empty, or one of the words people
// leave in place, or wholly <...> or {{ ... }}. Nothing is guessed by entropy.
func IsPlaceholder(value string) bool {
	value = strings.TrimSpace(value)
	lower := strings.ToLower(value)
	for _, word := range placeholders {
		if strings.Contains(lower, word) {
			return true
		}
	}
	return value == "" ||
		strings.HasPrefix(value, "<") && strings.HasSuffix(value, ">") ||
		strings.HasPrefix(value, "{{") && strings.HasSuffix(value, "}}")
}

// Address is a TCP address the repository is reached at.
type Address struct {
	Host, Port string
	TLSName    string // the name its certificate must be for; empty when no TLS is spoken
	Plain      bool   // an object store that speaks HTTP without TLS
}

func (a Address) String() string { return fmt.Sprintf("%s:%s", a.Host, a.Port) }

// Where pgBackRest looks when nobody gives --config (cfgFileLoad in src/config/parse.c): at
// FallbackConfig, where Debian's package has it, only when there is no DefaultConfig; and then
// at every *.conf in DefaultInclude, whichever of the two it was.
const (
	DefaultConfig  = "/etc/pgbackrest/pgbackrest.conf"
	FallbackConfig = "/etc/pgbackrest.conf"
	DefaultInclude = "/etc/pgbackrest/conf.d"
)

// Patience bounds one wait for the store, unless the conf does: pgBackRest's default of
// a minute, tried again for each file, lets a store that died in the middle of a restore look alive for
// many minutes. By environment, so that the conf stays as it is.
func (c *Config) Patience(stanza string) []string {
	if c.Option(stanza, "restore", "io-timeout") != "" {
		return nil
	}
	return []string{"PGBACKREST_IO_TIMEOUT=30"}
}

// CheckNow refuses a conf that shows a versioned bucket as it was, to some command: repo-target-time
// (pgBackRest 2.54). It has no key (config.yaml); whoever wrote repo1-target-time meant the same.
func (r Repo) CheckNow() error {
	for _, option := range []string{"repo-target-time", fmt.Sprintf("repo%d-target-time", r.Key)} {
		for _, line := range r.conf.Sets(option) {
			section := stanzaOf(line.Section, r.conf.lines)
			if line.Value == "" || section != r.name && section != "global" {
				continue
			}
			return reason.Errorf(reason.ConfigInvalid, "%s: %s=%s shows the repository as it was then: take it out, "+
				"and use -repo-target-time", line.Place(), line.Option, line.Value)
		}
	}
	return nil
}

// VerifyTLS says whether pgBackRest checks the store's certificate.
func (r Repo) VerifyTLS() bool {
	return r.Option("storage-verify-tls") != "n"
}
