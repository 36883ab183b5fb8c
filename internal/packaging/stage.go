package packaging

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// stage is a tree that becomes a package. What is put into it depends on nothing but its name, its
// content and its mode: neither on the umask nor on the clock.
type stage struct {
	root    string
	pkg     string // name of the package
	at      time.Time
	sources string // root of the checkout
}

// put writes a file below the root. PACKAGE in its path is the name of the package.
func (s stage) put(path string, content []byte, mode fs.FileMode) error {
	path = filepath.Join(s.root, strings.ReplaceAll(path, pkgName, s.pkg))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, mode)
}

// putGzip writes it the way Debian wants manual pages: as small as it gets, without name and time.
func (s stage) putGzip(path string, content []byte) error {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err = w.Write(content); err == nil {
		err = w.Close()
	}
	return errors.Join(err, s.put(path, b.Bytes(), 0o644))
}

// copy puts what the patterns of Files find.
func (s stage) copy(f File) error {
	found, err := filepath.Glob(filepath.Join(s.sources, f.From))
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("there is no %s in %s", f.From, s.sources)
	}
	mode := fs.FileMode(f.Mode)
	if mode == 0 {
		mode = 0o644
	}
	for _, file := range found {
		content, err := os.ReadFile(file)
		if err == nil {
			err = s.put(filepath.Join("usr", f.Dir, filepath.Base(file)), content, mode)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fill puts everything but the programs, whose modules' licenses are given.
func (s stage) fill(o Origin, e Environment, licenses []byte) error {
	var all []error
	for _, f := range Files {
		all = append(all, s.copy(f))
	}
	for _, p := range Pages {
		all = append(all, s.putGzip("usr/share/man/man1/"+p.Name+".1.gz", p.Roff(o)))
	}
	for _, c := range Completions {
		text, err := c.Text()
		all = append(all, err, s.put(filepath.Join("usr", c.Dir, c.Name), text, 0o644))
	}
	all = append(all,
		s.put("usr/"+docs+"/copyright", licenses, 0o644),
		s.putGzip("usr/"+docs+"/changelog.gz", changelog(o, e)),
		s.put("usr/share/lintian/overrides/"+pkgName, []byte(overrides(e)), 0o644))
	return errors.Join(all...)
}

// settle gives every file and directory the mode and the time they have in a package, and returns
// the files and directories below the root in their order.
func (s stage) settle(ctx context.Context) (paths []string, err error) {
	err = filepath.WalkDir(s.root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if entry.IsDir() || info.Mode()&0o100 != 0 {
			mode = 0o755
		}
		if relative, _ := filepath.Rel(s.root, path); relative != "." {
			paths = append(paths, relative)
		}
		return os.Chmod(path, mode)
	})
	for i := len(paths) - 1; i >= 0 && err == nil; i-- { // a directory after what is in it
		err = os.Chtimes(filepath.Join(s.root, paths[i]), s.at, s.at)
	}
	return paths, err
}
