package packaging

import (
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/testprom/evidence/command"
)

var anOrigin = Origin{
	Version: "1.2.3", Commit: strings.Repeat("4a12fe12", 5), Time: time.Date(2026, 11, 29, 9, 35, 29, 0, time.UTC),
}

// page is a manual page with what roff needs taken out again.
func page(t *testing.T, name string) string {
	t.Helper()
	for _, p := range Pages {
		if p.Name == name {
			marks := strings.NewReplacer(`\fB`, "", `\fI`, "", `\fP`, "", `\&`, "", `\-`, "-")
			return marks.Replace(string(p.Roff(anOrigin)))
		}
	}
	t.Fatalf("there is no page %s", name)
	return ""
}

func TestPages_HoldEveryFlagAndWhatItIs(t *testing.T) {
	for _, name := range []string{"drill.test", "backup.test"} {
		text := page(t, name)
		for _, s := range settings.Table {
			value := " VALUE"
			if s.Bool {
				value = ""
			}
			meaning := strings.ReplaceAll(s.Meaning, "`", "")
			assert.Contains(t, text, "\n-"+s.Flag+value+"\n"+meaning+"; variable "+s.Variables[0])
			if !s.Bool {
				assert.Contains(t, text, "default "+s.Default+s.Otherwise+"\n")
			}
		}
		assert.Contains(t, text, "\n-version\nprint version")
		assert.Contains(t, text, "the environment kept the run from a verdict")
	}
	text := strings.ReplaceAll(page(t, "testprom"), "'", "") // as completions have them
	for _, w := range ownWords() {
		assert.Regexp(t, `\n-`+w.Name+`( [A-Z]+)?\n`+strings.ReplaceAll(w.Meaning, "(", `\(`), text)
	}
}

func TestPages_OfTheRestoreHoldWhatItTakes(t *testing.T) {
	text := strings.ReplaceAll(page(t, "veza-restore"), "'", "") // as completions have them
	for _, w := range restoreWords() {
		assert.Regexp(t, `\n-`+w.Name+`( [A-Z]+)?\n`+strings.ReplaceAll(w.Meaning, "(", `\(`), text)
	}
	assert.NotContains(t, text, "\n-keep")
	assert.Contains(t, text, "the cluster is restored, passed its checks and is stopped cleanly")
}

func TestPages_OfEvidenceHoldEveryCommand(t *testing.T) {
	text := page(t, "evidence")
	_, commands, _ := command.Manual()
	for _, c := range commands {
		assert.Contains(t, text, "\n.SH "+strings.ToUpper(c.Name)+"\n")
		assert.Contains(t, text, c.Synopsis)
		c.Flags.VisitAll(func(f *flag.Flag) { assert.Contains(t, text, "\n-"+f.Name+" ") })
	}
	assert.Contains(t, text, "1 the evidence is broken or forged, or the gate is closed")
}

// It says of what it is the manual, and never when it was made.
func TestPages_BeginAsManDoes(t *testing.T) {
	for _, p := range Pages {
		text := page(t, p.Name)
		assert.Contains(t, text, `.TH "`+p.Name+`" "1" "2026-11-29" "veza-drill 1.2.3" "Veza restore drill"`)
		assert.Contains(t, text, "\n.SH NAME\n"+p.Name+" - "+p.Brief+"\n")
		assert.Equal(t, text, page(t, p.Name))
	}
}

func TestTyped_KeepsWhatWasTyped(t *testing.T) {
	assert.Equal(t, "a \\*b\\* \\`c\\`\n\n```\n  go test ./drill *x*\n```\n\nd\n",
		typed("a *b* `c`\n  go test ./drill *x*\nd\n"))
}
