package packaging

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/dustin/go-humanize"
)

// Wish is what is asked of Make.
type Wish struct {
	Root    string // of the checkout
	Out     string // directory of what is made
	Tag     string // build tag of the environment: drill, ci or none
	Arch    string // GOARCH
	Version string // "": by git
	Epoch   string // SOURCE_DATE_EPOCH; "": time of the commit
}

// Package is the name of the environment's package.
func (e Environment) Package() string { return "veza-drill-" + e.Name }

// FindEnvironment finds it by its build tag.
func FindEnvironment(tag string) (Environment, error) {
	var tags []string
	for _, e := range Environments {
		if e.Tag == tag {
			return e, nil
		}
		tags = append(tags, e.Tag)
	}
	return Environment{}, fmt.Errorf("TAG=%s: there are %s", tag, strings.Join(tags, ", "))
}

// Make makes tarball, Debian package and SHA256SUMS, and tells say what it made. The sums name what
// was made now; files of other versions stay where they are.
func Make(ctx context.Context, w Wish, say io.Writer) (err error) {
	e, err := FindEnvironment(w.Tag)
	if err != nil {
		return err
	}
	o, err := FindOrigin(ctx, w.Root, w.Version, w.Epoch)
	if err != nil {
		return err
	}
	fmt.Fprintf(say, "%s %s, %s: compiling %d programs\n", e.Package(), o.Version, w.Arch, len(Programs))
	if o.Note != "" {
		fmt.Fprintln(say, "  "+o.Note)
	}
	root, err := os.MkdirTemp("", "veza-drill-dist-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(root)) }()
	s := stage{root: root, pkg: e.Package(), at: o.Time, sources: w.Root}
	for _, p := range Programs {
		if err = s.compile(ctx, p, o, e, w.Arch); err != nil {
			return err
		}
	}
	list, err := modules(ctx, w.Root, e, w.Arch)
	if err != nil {
		return err
	}
	terms, err := copyright(list)
	if err != nil {
		return err
	}
	if names := affero(list); len(names) > 0 {
		fmt.Fprintf(say, "  under the GNU Affero GPL, so that whoever gets the package may ask for all source: %s\n",
			strings.Join(names, ", "))
	}
	if err = s.fill(o, e, terms); err != nil {
		return err
	}
	made, err := s.pack(ctx, o, e, w)
	if err != nil {
		return err
	}
	return sums(w.Out, made, say)
}

// pack makes tarball and Debian package of the stage, and returns their names.
func (s stage) pack(ctx context.Context, o Origin, e Environment, w Wish) ([]string, error) {
	if err := os.MkdirAll(w.Out, 0o755); err != nil {
		return nil, err
	}
	paths, err := s.settle(ctx)
	if err != nil {
		return nil, err
	}
	top := e.Package() + "_" + o.Version
	tarball, deb := top+"_linux_"+w.Arch+".tar.gz", top+"_"+debArch(w.Arch)+".deb"
	if err := s.tarball(filepath.Join(w.Out, tarball), top, paths); err != nil {
		return nil, err
	}
	return []string{tarball, deb}, s.deb(ctx, o, e, w.Arch, filepath.Join(w.Out, deb), paths)
}

// sums writes SHA256SUMS, and says name, size and sum of each file.
func sums(dir string, files []string, say io.Writer) error {
	var text strings.Builder
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "%x  %s\n", sha256.Sum256(content), file)
		fmt.Fprintf(say, "  %s  %s\n  sha256:%x\n", filepath.Join(dir, file), humanize.Bytes(uint64(len(content))),
			sha256.Sum256(content))
	}
	fmt.Fprintf(say, "  %s  (sha256sum -c SHA256SUMS, there)\n", filepath.Join(dir, "SHA256SUMS"))
	return os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(text.String()), 0o644)
}
