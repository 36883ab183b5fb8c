package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/settings"
)

// completion writes the file for one shell and returns its path.
func completion(t *testing.T, name string) string {
	t.Helper()
	for _, c := range Completions {
		if c.Name == name {
			text, err := c.Text()
			require.NoError(t, err)
			file := filepath.Join(t.TempDir(), name)
			require.NoError(t, os.WriteFile(file, text, 0o600))
			return file
		}
	}
	t.Fatalf("there is no completion %s", name)
	return ""
}

func TestBash_CompletesWhatStandsThere(t *testing.T) {
	file, restoring := completion(t, "testprom"), completion(t, "veza-restore")
	evident := completion(t, "evidence")
	dir := filepath.Dir(file)
	for line, want := range map[string]string{
		"testprom -te":                             "-textfile",
		"testprom -suite ":                         "drill backup",
		"testprom -suite = b":                      "backup",
		"testprom -textfile " + file:               file,
		"testprom -limit ":                         "",
		"testprom -textfile x -- /usr/lib/":        "/usr/lib/veza-drill/drill.test /usr/lib/veza-drill/backup.test",
		"testprom -- drill.test -se":               "-set -seed",
		"testprom -- drill.test -set la":           "latest latest-diff",
		"testprom -- drill.test -conf " + file:     file,
		"testprom -- drill.test -stanza ":          "",
		"drill.test -deep am":                      "amcheck",
		"backup.test -backup-":                     "-backup-age",
		"veza-restore -re":                         "-report -repo -resume",
		"veza-restore -target ":                    "time: lsn: name:",
		"veza-restore -to " + file:                 file,
		"veza-restore -checks = " + file:           file,
		"veza-restore -see":                        "",
		"veza-restore -target ra":                  "",
		"testprom -evidence " + dir:                dir,
		"evidence ":                                "verify gate page ack push key -h",
		"evidence ve":                              "verify",
		"evidence verify " + dir:                   dir,
		"evidence verify -":                        "-cadence -head -key",
		"evidence verify " + dir + " -key " + file: file,
		"evidence gate -key = " + file:             file,
		"evidence gate -require c":                 "compare",
		"evidence gate -max-age ":                  "",
		"evidence page -o " + file:                 file,
		"evidence verify -o":                       "",
		"evidence verify " + file:                  "",
		"evidence key " + file:                     file,
		"evidence push -cred":                      "-credentials",
		"evidence nothing -":                       "",
	} {
		words := strings.Split(line, " ")
		function := "_veza_drill_tests"
		source := file
		switch words[0] {
		case "testprom":
			function = "_testprom"
		case "veza-restore":
			function, source = "_veza_restore", restoring
		case "evidence":
			function, source = "_veza_evidence", evident
		}
		script := `. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }; ` +
			function + `; echo "${COMPREPLY[*]}"`
		argv := slices.Concat([]string{"-c", script, source}, words)
		out, err := exec.CommandContext(t.Context(), "bash", argv...).CombinedOutput()
		require.NoError(t, err, string(out))
		for _, word := range strings.Fields(want) {
			assert.Contains(t, strings.Fields(string(out)), word, line)
		}
		if want == "" {
			assert.Equal(t, "\n", string(out), line)
		}
	}
}

// A flag that is not listed cannot be completed, and one that is gone would be offered.
func TestCompletions_NameTheFlagsThereAre(t *testing.T) {
	for name, before := range map[string]string{"testprom": "-", "_testprom": "'-", "testprom.fish": " -o "} {
		text, err := os.ReadFile(completion(t, name))
		require.NoError(t, err)
		for _, w := range slices.Concat(ownWords(), settingWords()) {
			assert.Contains(t, string(text), before+w.Name, name)
		}
	}
	for name, before := range map[string]string{
		"veza-restore": "-", "_veza-restore": "'-", "veza-restore.fish": " -o ",
	} {
		text, err := os.ReadFile(completion(t, name))
		require.NoError(t, err)
		for _, w := range restoreWords() {
			assert.Contains(t, string(text), before+w.Name, name)
		}
		assert.NotContains(t, string(text), before+"keep", name)
	}
	for name, before := range map[string]string{"evidence": "-", "_evidence": "'-", "evidence.fish": " -o "} {
		text, err := os.ReadFile(completion(t, name))
		require.NoError(t, err)
		for _, c := range evidenceWords() {
			assert.Regexp(t, "[ \\n'(]"+c.Name+"[ )\\n]", string(text), name)
			for _, w := range c.Words {
				assert.Contains(t, string(text), before+w.Name, name)
			}
		}
	}
	var flags []string
	for _, s := range settings.Table {
		flags = append(flags, s.Flag)
	}
	for _, name := range files {
		assert.Contains(t, flags, name)
	}
	for name := range values {
		assert.Contains(t, flags, name)
	}
}

func TestBrief_HoldsNothingThatAShellReads(t *testing.T) {
	all := slices.Concat(ownWords(), settingWords(), restoreWords())
	for _, c := range evidenceWords() {
		all = append(all, c.Words...)
	}
	for _, w := range all {
		assert.NotContains(t, w.Meaning, "'")
		assert.False(t, strings.ContainsAny(w.Meaning, "`\"\\[]$\n"), w.Meaning)
		assert.NotEmpty(t, w.Meaning)
	}
}
