package settings

import (
	"fmt"
	"strings"
)

const usageHead = `./drill, the restore drill: restores the newest backup into a throw-away machine,
proves that the data came back, and says so.
./backup, the backup checks: holds the backups, as they are taken, against what a good
backup regime is, claim by claim.

  go test ./drill                                       a seeded cluster, all on this machine
  go test ./drill -conf /etc/pgbackrest/pgbackrest.conf a real repository, on this machine
  go test -tags ci ./drill                              in containers
  go test -tags drill ./drill                           a real repository, in an Incus container
  go test ./backup ...                                  the same four for the backup checks

Settings. A flag wins over its variable, the variable over the default:

`

const usageTail = `
Exit status, as testprom returns it (go test itself knows only 0 and 1, make only 0 and 2):
  0  every expected step ran and passed
  1  the backups, or the restore made from them, are at fault
  2  the environment kept the run from a verdict

Examples:
  go run ./internal/cmd/testprom -textfile veza_backup_drill.prom ` +
	`-- go test ./drill -conf /etc/pgbackrest/pgbackrest.conf -stanza main
  go run ./internal/cmd/testprom -suite backup -textfile veza_backup_check.prom ` +
	`-- go test ./backup -conf /etc/pgbackrest/pgbackrest.conf
  go test ./drill -v -set 20260823-020003F -keep
  go test ./drill -v -target time:2026-08-23T03:59:30Z -checks /etc/veza/checks.yaml

-version says which build this is. The flags of every test binary (-v, -run, -timeout, ...): go help testflag
`

// Manual is the text that -h prints before and after the settings.
func Manual() (head, tail string) { return usageHead, usageTail }

// Usage is the text of -h.
func Usage() string {
	var b strings.Builder
	b.WriteString(usageHead)
	for _, s := range Table {
		b.WriteString(s.usage())
	}
	b.WriteString(usageTail)
	return b.String()
}

// UsageReal is the part of veza-restore -h that lists the settings of RegisterReal.
func UsageReal() string {
	var b strings.Builder
	for _, s := range Real() {
		b.WriteString(s.usage())
	}
	return b.String()
}

// Real are the settings of RegisterReal, as veza-restore explains them.
func Real() (list []Setting) {
	for _, s := range Table {
		switch s.Flag {
		case "conf":
			s.Meaning, s.Otherwise = "pgbackrest.conf of the repository to restore from", "pgBackRest's own: "+
				"/etc/pgbackrest/pgbackrest.conf"
		case "stanza":
			s.Meaning = "stanza to restore"
		case "target":
			s.Meaning = "where recovery stops: `time:` and RFC 3339 with offset, `lsn:` and X/Y, or `name:` and a " +
				"restore point"
		}
		if !s.Rehearsal {
			list = append(list, s)
		}
	}
	return list
}

// usage is a setting's lines of -h.
func (s Setting) usage() string {
	value := " VALUE"
	if s.Bool {
		value = ""
	}
	return fmt.Sprintf("  -%s%s\n      %s\n      variable %s, default %s\n",
		s.Flag, value, unquoted(s.Meaning), strings.Join(s.Variables, " or "), unquoted(s.defaultText("%s")))
}

// Markdown is the table of settings in drill/README.md.
func Markdown() string {
	var b strings.Builder
	b.WriteString("| flag | variable | default | meaning |\n|---|---|---|---|\n")
	for _, s := range Table {
		fmt.Fprintf(&b, "| `-%s` | `%s` | %s | %s |\n",
			s.Flag, strings.Join(s.Variables, "` or `"), s.defaultText("`%s`"), s.Meaning)
	}
	return b.String()
}

// defaultText is the default for a reader; format is applied to a real value.
func (s Setting) defaultText(format string) string {
	if s.Default == "" {
		return s.Otherwise
	}
	return fmt.Sprintf(format, s.Default)
}

// unquoted drops the marks that mean code in markdown.
func unquoted(text string) string { return strings.ReplaceAll(text, "`", "") }
