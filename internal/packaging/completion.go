package packaging

import (
	"bytes"
	"embed"
	"flag"
	"slices"
	"strings"
	"text/template"

	"veza.fr/recovery/internal/restore"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/evidence"
	"veza.fr/recovery/internal/testprom/evidence/command"
	"veza.fr/recovery/internal/testprom/runner"
)

//go:embed completions/*.tmpl
var templates embed.FS

// word is one flag as a shell completes it.
type word struct {
	Name, Meaning string
	Value         bool     // the next word is its value
	File          bool     // which is a file
	Words         []string // or one of these, or something else
}

// files are the settings whose value is a file; of testprom's own flags the help says so.
var files = []string{"conf", "checks", "state", "policy"}

// values are words that a value may be, or begin with.
var values = map[string][]string{
	"set":    {settings.SetLatest, settings.SetLatestDiff},
	"target": {"time:", "lsn:", "name:", "random", "timeline", "worst"},
	"deep":   slices.Concat([]string{"all", "none"}, settings.DeepChecks),
}

// ownWords are the flags of testprom.
func ownWords() (list []word) {
	_, set, _ := runner.Manual()
	return flagWords(set)
}

// restoreWords are the flags and settings of veza-restore. Its target is somebody's own.
func restoreWords() (list []word) {
	_, set, _ := restore.Manual()
	list = append(flagWords(set), tableWords(settings.Real())...)
	for i := range list {
		list[i].Words = slices.DeleteFunc(slices.Clone(list[i].Words), func(value string) bool {
			return list[i].Name == "target" && !strings.HasSuffix(value, ":")
		})
	}
	return list
}

// A subcommand is one of the program evidence.
type subcommand struct {
	Name   string
	Words  []word
	OfFile bool // what stands beside its flags is a file, else a directory
}

func evidenceWords() (list []subcommand) {
	_, pages, _ := command.Manual()
	for _, p := range pages {
		c := subcommand{Name: p.Name, Words: flagWords(p.Flags), OfFile: strings.HasSuffix(p.Synopsis, " FILE")}
		for i, w := range c.Words {
			if w.Name == "require" {
				own := []string{evidence.CheckCompare, evidence.CheckDeep, evidence.CheckReadonly}
				c.Words[i].Words = append(own, settings.DeepChecks...)
			}
		}
		list = append(list, c)
	}
	return list
}

func flagWords(set *flag.FlagSet) (list []word) {
	set.VisitAll(func(f *flag.Flag) {
		value, meaning := flag.UnquoteUsage(f)
		w := word{Name: f.Name, Meaning: brief(meaning), Value: value != ""}
		w.File = value == "FILE" || value == "DIRECTORY" || value == "DIR"
		if value == "SUITE" {
			for _, s := range suite.Suites {
				w.Words = append(w.Words, s.Name)
			}
		}
		list = append(list, w)
	})
	return list
}

// settingWords are the flags of the two tests.
func settingWords() []word { return tableWords(settings.Table) }

func tableWords(settings []settings.Setting) (list []word) {
	for _, s := range settings {
		list = append(list, word{
			Name: s.Flag, Meaning: brief(s.Meaning), Value: !s.Bool,
			File: slices.Contains(files, s.Flag), Words: values[s.Flag],
		})
	}
	return append(list, word{Name: "version", Meaning: "print version, commit, Go and environment"})
}

// brief is what stands before the first stop of a meaning, without what a shell would read.
func brief(meaning string) string {
	meaning, _, _ = strings.Cut(meaning, ";")
	meaning, _, _ = strings.Cut(meaning, " (")
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("`'\"\\[]$", r) {
			return -1
		}
		return r
	}, meaning)
}

// A Completion is a file that a shell reads.
type Completion struct {
	Dir, Name string
	template  string
}

// Completions are those of the shells that Debian has completions for.
var Completions = []Completion{
	// bash looks for the command's name; the tests lie in no directory of PATH, and are completed
	// once testprom was.
	{"share/bash-completion/completions", "testprom", "bash.tmpl"},
	{"share/bash-completion/completions", "veza-restore", "restore.bash.tmpl"},
	{"share/zsh/vendor-completions", "_veza-restore", "restore.zsh.tmpl"},
	{"share/fish/vendor_completions.d", "veza-restore.fish", "restore.fish.tmpl"},
	{"share/bash-completion/completions", "evidence", "evidence.bash.tmpl"},
	{"share/zsh/vendor-completions", "_evidence", "evidence.zsh.tmpl"},
	{"share/fish/vendor_completions.d", "evidence.fish", "evidence.fish.tmpl"},
	{"share/zsh/vendor-completions", "_testprom", "zsh.tmpl"},
	{"share/fish/vendor_completions.d", "testprom.fish", "fish.tmpl"},
}

// Text is the file.
func (c Completion) Text() ([]byte, error) {
	functions := template.FuncMap{"join": strings.Join, "where": where, "zshWords": zshWords}
	t, err := template.New(c.template).Funcs(functions).ParseFS(templates, "completions/"+c.template)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, map[string]any{
		"Own": ownWords(), "Settings": settingWords(), "Tests": []string{"drill.test", "backup.test"},
		"Private": "/usr/" + private, "Restore": restoreWords(),
		"Evidence": evidenceWords(),
	})
	return b.Bytes(), err
}

// where are the flags whose value is a file, or none that a shell could know, as a pattern of bash.
func where(kind string, lists ...[]word) string {
	var names []string
	for _, w := range slices.Concat(lists...) {
		if w.Value && len(w.Words) == 0 && w.File == (kind == "file") {
			names = append(names, "-"+w.Name)
		}
	}
	return strings.Join(names, "|")
}

// zshWords are words in a specification of zsh, which its colons part.
func zshWords(words []string) string { return strings.ReplaceAll(strings.Join(words, " "), ":", `\:`) }
