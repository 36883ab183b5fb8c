package packaging

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// buildTime bounds the compilation of one program: on a cold cache and a busy machine it is long.
const buildTime = 30 * time.Minute

// goCommand runs the go command with one environment for all of a package: no cgo, so that the
// programs run on any Linux, and nothing that the caller's own settings would change.
func goCommand(ctx context.Context, root, arch string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, buildTime)
	defer cancel()
	command := exec.CommandContext(ctx, "go", args...)
	command.Dir = root
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOFLAGS=-mod=readonly",
		"GOTOOLCHAIN=local", "GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=", "GOWORK=off")
	out, err := command.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, failed.Stderr)
	}
	return out, err
}

// compile builds a program into the stage. -trimpath and -buildvcs=false leave out of it where it
// was built; what it is stands in the linked version.
func (s stage) compile(ctx context.Context, p Program, o Origin, e Environment, arch string) error {
	commit := "|"
	if o.Commit != "" {
		commit = o.Commit + "|" + o.Time.Format(time.RFC3339)
	}
	args := []string{"build"}
	if p.Test {
		args = []string{"test", "-c"}
	}
	args = append(args, "-trimpath", "-buildvcs=false", "-ldflags",
		"-s -w -buildid= -X veza.fr/recovery/internal/version.linked="+o.Version+"|"+commit)
	args = append(args, tags(p, e)...)
	args = append(args, "-o", filepath.Join(s.root, "usr", p.Dir, p.Name), p.From)
	_, err := goCommand(ctx, s.sources, arch, args...)
	return err
}

func tags(p Program, e Environment) []string {
	if e.Tag == "none" || !strings.HasPrefix(p.From, "./") {
		return nil
	}
	return []string{"-tags", e.Tag}
}

// A module whose code is in the programs.
type module struct{ path, version, dir string }

// modules are those of all programs, each once, by name; the first is the Go project itself.
func modules(ctx context.Context, root string, e Environment, arch string) ([]module, error) {
	out, err := goCommand(ctx, root, arch, "env", "GOVERSION", "GOROOT")
	if err != nil {
		return nil, err
	}
	version, goroot, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	var list []module
	for _, p := range Programs {
		const each = "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}"
		args := []string{"list", "-deps", "-f", each}
		if p.Test {
			args = append(args, "-test")
		}
		out, err := goCommand(ctx, root, arch, append(append(args, tags(p, e)...), p.From)...)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(out)) {
			if parts := strings.SplitN(strings.TrimSpace(line), " ", 3); len(parts) == 3 {
				list = append(list, module{parts[0], parts[1], parts[2]})
			}
		}
	}
	slices.SortFunc(list, func(a, b module) int { return strings.Compare(a.path, b.path) })
	return slices.Concat([]module{{"Go", version, goroot}}, slices.Compact(list)), nil
}

// licenseNames begin the names of files that hold the terms of a module, in lower case.
var licenseNames = []string{"license", "licence", "copying", "notice", "copyright"}

// copyright is Debian's file of that name: whose the package is, and the terms of every module that
// is compiled into it, equal ones once.
func copyright(list []module) ([]byte, error) {
	text := "veza-drill is the restore drill of Veza, https://veza.fr.\n\nCopyright Veza. All rights reserved.\n\n" +
		"On Debian the Apache License 2.0 is in /usr/share/common-licenses/Apache-2.0 as well.\n\n" +
		"These are compiled into it, under the terms that follow each:\n\n"
	for _, m := range list {
		text += "  " + m.path + " " + m.version + "\n"
	}
	told := map[string]string{}
	for _, m := range list {
		terms, err := m.terms()
		if err != nil {
			return nil, err
		}
		if same, ok := told[terms]; ok {
			terms = "The same text as that of " + same + ".\n"
		} else {
			told[terms] = m.path
		}
		text += "\n" + strings.Repeat("-", 76) + "\n" + m.path + " " + m.version + "\n\n" + terms
	}
	return []byte(text), nil
}

// affero are the modules whose terms ask for the source of the whole of what they are compiled into.
func affero(list []module) (names []string) {
	for _, m := range list {
		if terms, err := m.terms(); err == nil && strings.Contains(terms, "GNU AFFERO GENERAL PUBLIC LICENSE") {
			names = append(names, m.path)
		}
	}
	return names
}

// terms are the texts of the files that hold them. A module without any is for somebody to look at.
func (m module) terms() (string, error) {
	entries, err := os.ReadDir(m.dir)
	if err != nil {
		return "", err
	}
	var texts []string
	for _, entry := range entries {
		stem := strings.ToLower(strings.TrimSuffix(entry.Name(), path.Ext(entry.Name())))
		begins := func(name string) bool { return strings.HasPrefix(stem, name) }
		if entry.IsDir() || !slices.ContainsFunc(licenseNames, begins) {
			continue
		}
		content, err := os.ReadFile(filepath.Join(m.dir, entry.Name()))
		if err != nil {
			return "", err
		}
		texts = append(texts, strings.TrimRight(string(content), "\n")+"\n")
	}
	if len(texts) == 0 {
		return "", fmt.Errorf("module %s %s has no file with its license in %s", m.path, m.version, m.dir)
	}
	return strings.Join(texts, "\n"), nil
}
