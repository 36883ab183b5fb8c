package objectstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Dial opens a connection; it may lead through another machine.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Object is one object of a repository; its name is relative to the repository's root.
type Object struct {
	Name string
	Size int64 // bytes
}

// Objects are the raw objects of a repository, read without pgBackRest.
type Objects interface {
	// List lists everything, in the order of the names.
	List(ctx context.Context) ([]Object, error)
	// Open reads the first bytes of an object, at most length of them; of an empty one it asks
	// whether it is there. One that is gone wraps ErrNoObject, here or when it is read.
	Open(ctx context.Context, name string, length int64) (io.ReadCloser, error)
	// Below are the objects in a directory, by names relative to it.
	Below(directory string) Objects
}

// ErrNoObject is an object that is not there (any more).
var ErrNoObject = errors.New("no such object")

// ErrRefused is what a store answers but does not give, for whatever reason it has.
var ErrRefused = errors.New("the store refuses it")

// Directory is a posix repository: its root on this machine.
type Directory string

var _ Objects = Directory("")

// Below is a directory of the directory; listing one that is not there wraps fs.ErrNotExist.
func (d Directory) Below(directory string) Objects {
	return Directory(filepath.Join(string(d), directory))
}

// List lists every file below the directory. Links are followed, as pgBackRest follows them; but for its own, to the
// newest set (`latest`) and to a set's tablespaces (in pg_data/pg_tblspc), which say nothing new.
func (d Directory) List(ctx context.Context) ([]Object, error) {
	walk := walk{root: string(d)}
	err := walk.directory(ctx, "", nil)
	return walk.list, err
}

type walk struct {
	root string
	list []Object
}

// directory lists one below the root. One that is within itself, by a link, was listed.
func (w *walk) directory(ctx context.Context, name string, above []fs.FileInfo) error {
	path := filepath.Join(w.root, name)
	here, err := os.Stat(path)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(above, func(outer fs.FileInfo) bool { return os.SameFile(outer, here) }) {
		return nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	above = append(slices.Clip(above), here)
	for _, entry := range entries {
		if err = errors.Join(w.entry(ctx, filepath.Join(name, entry.Name()), entry, above), ctx.Err()); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) entry(ctx context.Context, name string, entry fs.DirEntry, above []fs.FileInfo) error {
	linked := entry.Type()&fs.ModeSymlink != 0
	if linked && w.own(name) || entry.IsDir() && entry.Name() == "lost+found" { // the file system's own
		return nil
	}
	info, err := os.Stat(filepath.Join(w.root, name))
	if err == nil && info.IsDir() {
		err = w.directory(ctx, name, above)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist) && linked:
		return fmt.Errorf("%s is a link, and what it leads to is not there", filepath.Join(w.root, name))
	case errors.Is(err, fs.ErrNotExist):
		return nil // expired meanwhile
	case err == nil && info.Mode().IsRegular():
		w.list = append(w.list, Object{name, info.Size()})
	}
	return err
}

// own says of a link whether pgBackRest makes it in a repository.
func (w *walk) own(name string) bool {
	path := filepath.Join(w.root, name)
	return filepath.Base(path) == "latest" || strings.HasSuffix(filepath.Dir(path), "/pg_data/pg_tblspc")
}

// Open opens a file of the directory.
func (d Directory) Open(_ context.Context, name string, length int64) (io.ReadCloser, error) {
	f, err := os.Open(filepath.Join(string(d), filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(ErrNoObject, err)
	}
	if err != nil {
		return nil, err
	}
	return limited{io.LimitReader(f, length), f}, nil
}

// limited is the beginning of something.
type limited struct {
	io.Reader
	io.Closer
}
