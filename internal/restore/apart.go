package restore

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"veza.fr/recovery/internal/node"
	"veza.fr/recovery/internal/testprom/report"
)

// apart refuses files of ours inside the data directory or another cluster, by whatever name, one file for two uses,
// and a report that would replace what is none.
func (a *asked) apart() error {
	to := node.Resolved(a.wanted.To)
	if a.report != "" {
		if err := apartFrom(to, "-report "+a.report, a.report); err != nil {
			return err
		}
	}
	// The lock lies there, and more; then where a log goes that nobody has named.
	if err := apartFrom(to, "TMPDIR "+os.TempDir(), filepath.Join(os.TempDir(), logName)); err != nil {
		return err
	}
	for _, path := range a.places() {
		if err := apartFrom(to, "-log "+path, path); err != nil {
			return err
		}
	}
	if a.report == "" {
		return nil
	}
	if a.log != "" && placed(a.report) == placed(a.log) {
		return fmt.Errorf("-report and -log name the same file %s", a.report)
	}
	return replaceable(a.report)
}

// apartFrom refuses a file, called as a sentence has it, that lies in the data directory or what belongs to a cluster,
// or where the mark of the restore does.
func apartFrom(to, called, path string) error {
	path = placed(path)
	if inside(to, path) {
		return fmt.Errorf("%s lies in the data directory, which must be empty: name another place", called)
	}
	if around := node.Around(path, to); around != "" {
		return fmt.Errorf("%s lies inside a cluster, or what belongs to one (%s): name another place", called, around)
	}
	if path == node.ClaimFile(to) {
		return fmt.Errorf("%s is where the mark of the restore lies: name another place", called)
	}
	return nil
}

// inside says whether a file lies in a directory: by its path, or since a directory above it is that one by another
// name, as a bind mount makes it.
func inside(dir, path string) bool {
	if node.Within(path, dir) {
		return true
	}
	is, err := os.Stat(dir)
	for above := filepath.Dir(path); err == nil && above != "/"; above = filepath.Dir(above) {
		if other, unseen := os.Stat(above); unseen == nil && os.SameFile(is, other) {
			return true
		}
	}
	return false
}

// placed is where a file is, or will be, without symbolic links above it. Whoever opens it follows none in its place.
func placed(path string) string {
	if whole, err := filepath.Abs(path); err == nil { // TMPDIR may be anything
		path = whole
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(dir, filepath.Base(path))
	}
	return path
}

// replaceable refuses a report in the place of a file that is none. An empty one, a former report and one of another
// version are replaced; what is no file is refused by whoever writes.
func replaceable(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && (!info.Mode().IsRegular() || info.Size() == 0) {
		return nil
	}
	const most = 64 << 20 // bytes; a report has some thousands
	other := fmt.Errorf("-report %s is there, and is no report: it would be replaced, name another file", path)
	if err == nil && info.Size() > most {
		return other
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("-report: what is there would be replaced, and may not be looked at: %w", err)
	}
	var former report.Report
	if json.Unmarshal(content, &former) != nil || former.Schema == 0 || former.Suite == "" || former.Verdict == "" {
		return other
	}
	return nil
}
