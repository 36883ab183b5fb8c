package packaging

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// tarball packs /usr of a settled stage at file, below one directory named top: sorted, owned by
// root, with one time. Unpacked with --strip-components=1 it goes into any prefix.
func (s stage) tarball(file, top string, paths []string) (err error) {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	packed, err := gzip.NewWriterLevel(out, gzip.BestCompression)
	if err != nil {
		return err
	}
	w := tar.NewWriter(packed)
	for _, path := range paths {
		name, below := strings.CutPrefix(path, "usr")
		if !below || strings.HasPrefix(name, "/share/lintian") {
			continue
		}
		if err := s.add(w, path, top+name); err != nil {
			return err
		}
	}
	return errors.Join(w.Close(), packed.Close())
}

// add writes one file or directory.
func (s stage) add(w *tar.Writer, path, name string) error {
	source, err := os.Open(filepath.Join(s.root, path))
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	header := &tar.Header{
		Typeflag: tar.TypeReg, Name: name, Size: info.Size(), Mode: int64(info.Mode().Perm()), ModTime: s.at,
		Uname: "root", Gname: "root", Format: tar.FormatUSTAR,
	}
	if info.IsDir() {
		header.Typeflag, header.Name, header.Size = tar.TypeDir, name+"/", 0
	}
	if err = w.WriteHeader(header); err != nil || info.IsDir() {
		return err
	}
	_, err = io.Copy(w, source)
	return err
}
