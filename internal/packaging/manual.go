package packaging

import (
	"cmp"
	"flag"
	"fmt"
	"strings"

	"github.com/cpuguy83/go-md2man/v2/md2man"

	"veza.fr/recovery/internal/restore"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/testprom/evidence/command"
	"veza.fr/recovery/internal/testprom/runner"
)

// A Page is a manual page of section 1.
type Page struct {
	Name  string
	Brief string
	text  func() string // Markdown below NAME
}

// Pages are the manual pages of the package. Their options are those that -h lists.
var Pages = []Page{
	{"testprom", "run a restore drill and tell what it proved", testpromPage},
	{"veza-restore", "restore a cluster from its backups, for real", restorePage},
	{"evidence", "verify what restore drills left as evidence, and gate by it", evidencePage},
	{"drill.test", "restore the newest backup and prove that the data came back", suitePage("drill.test", "TestDrill")},
	{"backup.test", "say claim by claim whether backups are as they should be", suitePage("backup.test", "TestBackup")},
}

// Roff is the page as man reads it, of one origin.
func (p Page) Roff(o Origin) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%% %q \"1\" %q \"veza-drill %s\" \"Veza restore drill\"\n\n",
		p.Name, o.Time.Format("2006-01-02"), o.Version)
	fmt.Fprintf(&b, "# NAME\n%s - %s\n\n%s\n# SEE ALSO\n", p.Name, p.Brief, p.text())
	var others []string
	for _, other := range Pages {
		if other.Name != p.Name {
			others = append(others, "**"+other.Name+"**(1)")
		}
	}
	fmt.Fprintf(&b, "%s, **pgbackrest**(1); the pages and runbooks in /usr/share/doc\n", strings.Join(others, ", "))
	return md2man.Render([]byte(b.String()))
}

func testpromPage() string {
	head, set, tail := runner.Manual()
	var b strings.Builder
	b.WriteString("# SYNOPSIS\n**testprom** [*FLAGS*] -- *COMMAND* ...\n\n# DESCRIPTION\n")
	b.WriteString(typed(strings.TrimSuffix(strings.TrimSpace(head), "Flags:")))
	b.WriteString("\n# OPTIONS\n" + flags(set))
	b.WriteString("\n# EXAMPLES AND EXIT STATUS\n" + typed(strings.TrimPrefix(strings.TrimSpace(tail), "Examples:")))
	return b.String()
}

func restorePage() string {
	head, set, tail := restore.Manual()
	var b strings.Builder
	b.WriteString("# SYNOPSIS\n**veza-restore** -to *DIRECTORY* [*FLAGS*] [*SETTINGS*]\n\n# DESCRIPTION\n")
	b.WriteString(typed(strings.TrimSuffix(strings.TrimSpace(head), "Flags:")))
	b.WriteString("\n# OPTIONS\n" + flags(set) + table(settings.Real()))
	b.WriteString("\n# EXIT STATUS AND EXAMPLES\n" +
		typed(strings.TrimPrefix(strings.TrimSpace(tail), "Exit status:\n")))
	return b.String()
}

func evidencePage() string {
	head, commands, tail := command.Manual()
	var b strings.Builder
	b.WriteString("# SYNOPSIS\n**evidence** *COMMAND* [*FLAGS*] [*WORD*]\n\n# DESCRIPTION\n" + typed(head))
	for _, c := range commands {
		fmt.Fprintf(&b, "\n# %s\n%s\n%s", strings.ToUpper(c.Name), typed("  "+c.Synopsis+"\n"), typed(c.About))
		b.WriteString("\n" + flags(c.Flags))
	}
	return b.String() + "\n# EXIT STATUS\n" + typed(tail)
}

// flags are the options of a set.
func flags(set *flag.FlagSet) string {
	var b strings.Builder
	set.VisitAll(func(f *flag.Flag) {
		value, meaning := flag.UnquoteUsage(f)
		b.WriteString(option(f.Name, value, meaning, f.DefValue))
	})
	return b.String()
}

// suitePage is the page of one of the two compiled tests: they share their settings.
func suitePage(name, test string) func() string {
	return func() string {
		head, tail := settings.Manual()
		var b strings.Builder
		fmt.Fprintf(&b, "# SYNOPSIS\n**testprom** [*FLAGS*] -- /usr/%s/**%s** -test.run ^%s$ [*SETTINGS*]\n\n",
			private, name, test)
		fmt.Fprintf(&b, "# DESCRIPTION\nThe compiled test of ./%s. testprom runs it, and makes the verdict.\n\n",
			strings.TrimSuffix(name, ".test"))
		b.WriteString(typed(head) + "\n# OPTIONS\n" + table(settings.Table))
		b.WriteString("\n# EXIT STATUS\n" + typed(tail))
		return b.String()
	}
}

// table are the options of settings, and the one that goes with them.
func table(list []settings.Setting) string {
	var b strings.Builder
	for _, s := range list {
		value := "VALUE"
		if s.Bool {
			value = ""
		}
		fallback := cmp.Or(s.Default, s.Otherwise)
		meaning := fmt.Sprintf("%s; variable %s", strings.ReplaceAll(s.Meaning, "`", ""),
			strings.Join(s.Variables, " or "))
		b.WriteString(option(s.Flag, value, meaning, fallback))
	}
	return b.String() + option("version", "", "print version, commit, Go and environment, then exit", "")
}

// option is a flag in Markdown.
func option(name, value, meaning, fallback string) string {
	if value != "" {
		value = " *" + escaped(value) + "*"
	}
	if fallback != "" && fallback != "0s" && fallback != "false" && !strings.Contains(meaning, "default") {
		meaning += "; default " + fallback
	}
	return fmt.Sprintf("**-%s**%s\n: %s\n\n", name, value, escaped(meaning))
}

// escaped is text that means nothing to Markdown.
func escaped(text string) string {
	var b strings.Builder
	for _, r := range text {
		if strings.ContainsRune("\\`*_{}[]()#+-.!<>|~", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// typed is the text of -h in Markdown: what is indented there is shown as it was typed.
func typed(text string) string {
	var b strings.Builder
	block := false
	for line := range strings.Lines(text) {
		indented := strings.HasPrefix(line, "  ")
		switch {
		case indented && !block:
			b.WriteString("\n```\n")
		case !indented && block:
			b.WriteString("```\n\n")
		}
		block = indented
		if indented {
			b.WriteString(line)
		} else {
			b.WriteString(escaped(line))
		}
	}
	if block {
		b.WriteString("\n```\n")
	}
	return b.String()
}
