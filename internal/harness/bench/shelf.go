package bench

import (
	"crypto/md5" //nolint:gosec // an ETag has 16 bytes; nothing rests on it
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// shelf serves the files of a directory as the objects of a bucket: a repository of a
// gigabyte stays in files, and in the page cache as long as there is room. What is put there
// is not kept.
type shelf struct {
	gofakes3.Backend // everything but reading
	dir              string
	names            []string // in order
	files            map[string]fs.FileInfo
}

// newShelf looks up what there is. Symbolic links, which a repository in a directory has
// and one in a bucket has not, are left out.
func newShelf(dir string) (*shelf, error) {
	s := &shelf{Backend: s3mem.New(), dir: dir, files: map[string]fs.FileInfo{}}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err == nil {
			s.names = append(s.names, name)
			s.files[name], err = entry.Info()
		}
		return err
	})
	slices.Sort(s.names)
	return s, err
}

// BucketExists says yes: every bucket is this one.
func (s *shelf) BucketExists(string) (bool, error) { return true, nil }

// ListBucket lists everything below a prefix, on one page.
func (s *shelf) ListBucket(
	_ string, prefix *gofakes3.Prefix, _ gofakes3.ListBucketPage,
) (*gofakes3.ObjectList, error) {
	list := gofakes3.NewObjectList()
	for _, name := range s.names {
		var match gofakes3.PrefixMatch
		switch {
		case prefix != nil && !prefix.Match(name, &match):
		case match.CommonPrefix:
			list.AddPrefix(match.MatchedPart)
		default:
			list.Add(&gofakes3.Content{
				Key: name, LastModified: gofakes3.NewContentTime(s.files[name].ModTime()),
				ETag: gofakes3.FormatETag(etag(s.files[name])), Size: s.files[name].Size(),
			})
		}
	}
	return list, nil
}

// etag changes with the file, which is all that is asked of it.
func etag(info fs.FileInfo) []byte {
	sum := md5.Sum(fmt.Append(nil, info.Name(), info.Size(), info.ModTime())) //nolint:gosec // see above
	return sum[:]
}

// HeadObject is an object without its content.
func (s *shelf) HeadObject(_, name string) (*gofakes3.Object, error) {
	info, ok := s.files[name]
	if !ok {
		return nil, gofakes3.KeyNotFound(name)
	}
	return &gofakes3.Object{
		Name: name, Size: info.Size(), Hash: etag(info), Contents: io.NopCloser(eof{}),
		Metadata: map[string]string{"Last-Modified": gofakes3.NewContentTime(info.ModTime()).Format(lastModified)},
	}, nil
}

// lastModified is how HTTP writes a time.
const lastModified = "Mon, 02 Jan 2006 15:04:05 GMT"

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// GetObject is an object, or a part of it.
func (s *shelf) GetObject(bucket, name string, part *gofakes3.ObjectRangeRequest) (*gofakes3.Object, error) {
	object, err := s.HeadObject(bucket, name)
	if err != nil {
		return nil, err
	}
	if object.Range, err = part.Range(object.Size); err != nil {
		return nil, err
	}
	file, err := os.Open(filepath.Join(s.dir, name))
	if err != nil {
		return nil, err
	}
	content := struct {
		io.Reader
		io.Closer
	}{file, file}
	if object.Range != nil {
		content.Reader = io.NewSectionReader(file, object.Range.Start, object.Range.Length)
	}
	object.Contents = content
	return object, nil
}
