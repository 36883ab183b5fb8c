package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"

	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
)

// Step is how far a restore came.
type Step string

// What a claim may say.
const (
	Restoring  Step = "restoring"  // pgBackRest puts the files there
	Recovering Step = "recovering" // PostgreSQL replays WAL
	Recovered  Step = "recovered"  // recovery has ended: the cluster has begun a timeline of its own
)

// Claim is the mark of a restore that has not ended, in a file beside the data directory: pgBackRest wants that one
// empty. It stays when the run is killed, and is locked while it lives.
type Claim struct {
	Data     string    `json:"data_directory"`
	Stanza   string    `json:"stanza"`
	Set      string    `json:"set"`
	SystemID string    `json:"system_identifier"`
	Step     Step      `json:"step"`
	Begun    time.Time `json:"begun"`
	Changed  time.Time `json:"changed"`
	identity           // of the data directory: another one of the same name is not meant
	Maps     []string  `json:"maps"` // where the conf wants tablespaces and links, as option=value
	Late     []Late    `json:"late"` // tablespaces that were made after the backup
	// Apart are the directories of tablespaces and links that the backup goes to; nil is not known: the mark is of a
	// release that did not write them down.
	Apart []Apart `json:"apart"`
	// Started says that a server of this restore has been at work on the files: what PostgreSQL makes may be there.
	Started bool `json:"started"`
	// Starter is where the last of those was started; nil is not known.
	Starter *Starter `json:"starter,omitempty"`

	Limits []postgres.ConnectionLimit `json:"connection_limits"` // that are lifted until the restore has ended

	held   *flock.Flock
	opened []*os.File // directories that are locked
}

// Late is the directory of a tablespace that was made after the backup. The restore found it empty, or made it: what is
// in it has been replayed there.
type Late struct {
	Dir string `json:"directory"`
	identity
	Until string `json:"until"` // where the replay was to end, and on which timeline
}

// claimSuffix ends the name of the file.
const claimSuffix = ".veza-restore.json"

// ClaimFile is where the claim of a data directory lies.
func ClaimFile(dir string) string { return dir + claimSuffix }

// ReadClaim reads the claim on a data directory; nil where there is none. An empty file is none either: the run that
// made it was killed before it wrote anything. An error is config_invalid: the file is nothing that a restore left.
func ReadClaim(dir string) (*Claim, error) {
	file, err := os.OpenFile(ClaimFile(dir), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, unreadable(dir, err)
	}
	defer file.Close() //nolint:errcheck // only read
	content, err := io.ReadAll(io.LimitReader(file, 1<<24))
	if err != nil {
		return nil, unreadable(dir, err)
	}
	if len(content) == 0 {
		return nil, nil
	}
	var c Claim
	if err = json.Unmarshal(content, &c); err != nil {
		return nil, unreadable(dir, err)
	}
	return &c, nil
}

func unreadable(dir string, err error) error {
	if info, unseen := os.Lstat(ClaimFile(dir)); errors.Is(err, fs.ErrPermission) && unseen == nil {
		return reason.Errorf(reason.ConfigInvalid, "the mark of a restore, %s, belongs to %s, who began it, and "+
			"cannot be read (%w): run veza-restore as that user", ClaimFile(dir), ownerOf(info), err)
	}
	return reason.Errorf(reason.ConfigInvalid, "the mark of a restore, %s, cannot be read (%w): move it away together "+
		"with what is in the data directory", ClaimFile(dir), err)
}

// takeTries bounds how often a mark is looked for again that another run has replaced or taken away meanwhile.
const takeTries = 10

// Take locks the claim on a data directory, and makes its file where there is none. While another run has it: locked.
func Take(dir string) (*Claim, error) {
	for range takeTries {
		held, err := lock(ClaimFile(dir))
		if err != nil {
			return nil, reason.Errorf(reason.SandboxFailed, "mark the restore in %s: %w", ClaimFile(dir), err)
		}
		if held == nil {
			break
		}
		if current(held, ClaimFile(dir)) {
			return &Claim{Data: dir, held: held}, nil
		}
		_ = held.Close() // the lock of a file that nobody finds any more
	}
	who := ""
	if c, err := ReadClaim(dir); err == nil && c != nil {
		who = fmt.Sprintf(", begun %s with backup set %s", c.Begun.UTC().Format(time.RFC3339), c.Set)
	}
	return nil, reason.Errorf(reason.Locked, "another restore into %s is at work%s", dir, who)
}

// lock locks a file, made where there is none; nil says that somebody else has it.
func lock(path string) (*flock.Flock, error) {
	held := flock.New(path, flock.SetFlag(os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW), flock.SetPermissions(0o600))
	ok, err := held.TryLock()
	if err != nil || !ok {
		return nil, errors.Join(err, held.Close())
	}
	return held, nil
}

// current says whether a locked file is still the one of that name.
func current(held *flock.Flock, path string) bool {
	mine, err := held.Stat()
	if err != nil {
		return false
	}
	named, err := os.Lstat(path)
	return err == nil && os.SameFile(mine, named)
}

// Say writes how far the restore is, whole and on the disk: after a power cut it must be true. The new file is locked
// before it has its name.
func (c *Claim) Say(step Step) error {
	c.Step, c.Changed = step, time.Now()
	if now, err := identify(c.Data); err == nil {
		c.identity = now
	}
	content, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	beside := ClaimFile(c.Data) + ".new"
	if err = os.Remove(beside); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a run that was killed
		return err
	}
	if err = write(beside, append(content, '\n')); err != nil {
		return err
	}
	next, err := lock(beside)
	if err != nil || next == nil {
		return errors.Join(err, os.Remove(beside))
	}
	if err = os.Rename(beside, ClaimFile(c.Data)); err != nil {
		return errors.Join(err, next.Close(), os.Remove(beside))
	}
	_ = c.held.Close() // the file that was replaced
	c.held = next
	return Sync(c.Beside())
}

// write makes a file that is on the disk.
func write(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Sync(), file.Close())
}

// Sync has the names in a directory on the disk.
func Sync(dir string) error {
	file, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// Replays has the claim remember an empty directory that a tablespace is replayed into; Say writes it.
func (c *Claim) Replays(dir, until string) {
	now, err := identify(dir)
	if err != nil {
		return // nothing will be known of it
	}
	c.Late = slices.DeleteFunc(c.Late, func(l Late) bool { return l.Dir == dir })
	c.Late = append(c.Late, Late{dir, now, until})
}

// Replayed says whether what is in a directory was replayed there by this restore, and to no other end than it goes to
// now: what lies behind that end would stay.
func (c *Claim) Replayed(dir, until string) bool {
	now, err := identify(dir)
	return err == nil && slices.ContainsFunc(c.Late, func(l Late) bool {
		return l.Dir == dir && l.Until == until && l.is(now)
	})
}

// Drop takes the mark away: nothing of a restore is left to be ended.
func (c *Claim) Drop() error {
	return errors.Join(os.Remove(ClaimFile(c.Data)), Sync(c.Beside()), c.Release())
}

// Release leaves the mark for whoever resumes.
func (c *Claim) Release() error {
	err := c.held.Close()
	for _, dir := range c.opened {
		err = errors.Join(err, dir.Close())
	}
	c.opened = nil
	return err
}

// Of says whether the claim is about the directory that is there now.
func (c *Claim) Of(dir string) bool {
	now, err := identify(dir)
	return errors.Is(err, fs.ErrNotExist) || err == nil && c.is(now)
}

// Beside is the directory that the mark lies in.
func (c *Claim) Beside() string { return filepath.Dir(c.Data) }
