package objectstore

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
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
	// Open reads the first bytes of an object, at most length of them. One that is gone
	// wraps ErrNoObject, here or when it is read.
	Open(ctx context.Context, name string, length int64) (io.ReadCloser, error)
	// Below are the objects in a directory, by names relative to it.
	Below(directory string) Objects
}

// ErrNoObject is an object that is not there (any more).
var ErrNoObject = errors.New("no such object")

// Directory is a posix repository: its root on this machine.
type Directory string

var _ Objects = Directory("")

// Below is a directory of the directory; listing one that is not there wraps fs.ErrNotExist.
func (d Directory) Below(directory string) Objects {
	return Directory(filepath.Join(string(d), directory))
}

// List lists every file below the directory; links are left out.
func (d Directory) List(ctx context.Context) (list []Object, err error) {
	err = filepath.WalkDir(string(d), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && entry.Name() == "lost+found" {
			return fs.SkipDir // the file system's own
		}
		if err != nil || ctx.Err() != nil || !entry.Type().IsRegular() {
			return errors.Join(err, ctx.Err())
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // expired meanwhile
		}
		if err == nil {
			list = append(list, Object{strings.TrimPrefix(strings.TrimPrefix(path, string(d)), "/"), info.Size()})
		}
		return err
	})
	return list, err
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
