package objectstore

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// ServedPath is where the objects of a served directory lie in its bucket; inBucket is how keys begin with it.
const (
	ServedPath = "/repository"
	inBucket   = "repository/"
)

// ServeDirectory serves the files of a directory as the objects of a bucket, by their paths below it and behind
// ServedPath. Both pairs of keys only read. Names that are links are left out of a list, and are followed where they
// are asked for, as pgBackRest does in a posix repository.
func ServeDirectory(ctx context.Context, directory string) (*Store, error) {
	s := invent("localhost")
	s.ReadKey, s.ReadSecret = Credentials()
	users := map[string]user{s.Key: {secret: s.Secret, reads: true}, s.ReadKey: {secret: s.ReadSecret, reads: true}}
	if err := s.front(ctx, signed(users, served{root: directory, bucket: s.Bucket})); err != nil {
		return nil, fmt.Errorf("serve %s: %w", directory, err)
	}
	return s, nil
}

// served answers what a reader of a repository asks: lists, and files with ranges.
type served struct{ root, bucket string }

func (d served) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	below, ok := strings.CutPrefix(key, inBucket)
	switch {
	case bucket != d.bucket:
		failWith(w, http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
	case ok && below != "":
		d.file(w, r, below)
	case key != "":
		failWith(w, http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
	case r.Method == http.MethodGet && r.URL.Query().Get("list-type") == "2":
		d.list(w, r)
	default:
		failWith(w, http.StatusNotImplemented, "NotImplemented", "Only lists and files are served.")
	}
}

// file answers with a file, or the range of it that is asked for.
func (d served) file(w http.ResponseWriter, r *http.Request, key string) {
	if !filepath.IsLocal(filepath.FromSlash(key)) {
		failWith(w, http.StatusBadRequest, "InvalidURI", "The path leads out of the bucket.")
		return
	}
	f, err := os.Open(filepath.Join(d.root, filepath.FromSlash(key)))
	if err == nil {
		defer f.Close() //nolint:errcheck // only read
		var info fs.FileInfo
		if info, err = f.Stat(); err == nil && info.Mode().IsRegular() {
			w.Header().Set("Content-Type", "application/octet-stream")
			http.ServeContent(w, r, "", info.ModTime(), f)
			return
		}
	}
	if errors.Is(err, fs.ErrPermission) {
		refuse(w, "AccessDenied", "Access Denied.")
		return
	}
	failWith(w, http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
}

// listing is the answer of ListObjectsV2, whole: nobody has to ask for a next page.
type listing struct {
	XMLName     xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	Name        string
	Prefix      string
	KeyCount    int
	IsTruncated bool
	Contents    []listedFile
	Prefixes    []listedPrefix `xml:"CommonPrefixes"`
}

type listedFile struct {
	Key          string
	LastModified string
	Size         int64
}

type listedPrefix struct{ Prefix string }

func (d served) list(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	answer := listing{Name: d.bucket, Prefix: query.Get("prefix")}
	var err error
	if prefix, ok := strings.CutPrefix(answer.Prefix, inBucket); ok {
		answer.Prefix = prefix
		err = d.walk(&answer, query.Get("delimiter") == "/")
		answer.below(inBucket)
	}
	if errors.Is(err, fs.ErrPermission) {
		refuse(w, "AccessDenied", "Access Denied.")
		return
	}
	if err != nil {
		failWith(w, http.StatusInternalServerError, "InternalError", "The directory cannot be listed.")
		return
	}
	answer.KeyCount = len(answer.Contents) + len(answer.Prefixes)
	w.Header().Set("Content-Type", "application/xml")
	fmt.Fprint(w, xml.Header)
	_ = xml.NewEncoder(w).Encode(answer) // a client that hangs up is no news
}

// walk lists what begins with the prefix; shallow: no further than to the next slash.
func (d served) walk(answer *listing, shallow bool) error {
	top := path.Dir("/" + answer.Prefix + "x") // of archive/main/0000 it is archive/main
	if !filepath.IsLocal(filepath.FromSlash(answer.Prefix + "x")) {
		return nil
	}
	root := filepath.Join(d.root, filepath.FromSlash(top))
	if resolved, err := filepath.EvalSymlinks(root); err == nil { // WalkDir does not follow its root
		root = resolved
	}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // expired meanwhile, or never there
		}
		if err != nil || name == root {
			return err
		}
		below, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		key := strings.TrimPrefix(path.Join(top, filepath.ToSlash(below)), "/")
		if entry.IsDir() {
			return answer.directory(key+"/", shallow)
		}
		if !entry.Type().IsRegular() || !strings.HasPrefix(key, answer.Prefix) {
			return nil
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			answer.Contents = append(answer.Contents,
				listedFile{key, info.ModTime().UTC().Format(time.RFC3339), info.Size()})
		}
		return err
	})
	slices.SortFunc(answer.Contents, func(a, b listedFile) int { return strings.Compare(a.Key, b.Key) })
	return err
}

// below puts what was listed into a directory.
func (l *listing) below(directory string) {
	l.Prefix = directory + l.Prefix
	for i := range l.Contents {
		l.Contents[i].Key = directory + l.Contents[i].Key
	}
	for i := range l.Prefixes {
		l.Prefixes[i].Prefix = directory + l.Prefixes[i].Prefix
	}
}

// directory says whether the walk goes into one.
func (l *listing) directory(key string, shallow bool) error {
	switch {
	case !strings.HasPrefix(key, l.Prefix) && !strings.HasPrefix(l.Prefix, key):
		return fs.SkipDir
	case shallow && strings.HasPrefix(key, l.Prefix):
		l.Prefixes = append(l.Prefixes, listedPrefix{key})
		return fs.SkipDir
	}
	return nil
}

// failWith answers with an error as S3 words it.
func failWith(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message>%s</Message></Error>",
		code, message)
}
