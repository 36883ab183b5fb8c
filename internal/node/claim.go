package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"

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
	Inode    uint64    `json:"inode"` // of the data directory: another one of the same name is not meant

	held *flock.Flock
}

// claimSuffix ends the name of the file.
const claimSuffix = ".veza-restore.json"

// ClaimFile is where the claim of a data directory lies.
func ClaimFile(dir string) string { return dir + claimSuffix }

// ReadClaim reads the claim on a data directory; nil where there is none.
func ReadClaim(dir string) (*Claim, error) {
	file, err := os.OpenFile(ClaimFile(dir), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // only read
	content, err := io.ReadAll(io.LimitReader(file, 1<<16))
	if err != nil {
		return nil, err
	}
	var c Claim
	if err = json.Unmarshal(content, &c); err != nil {
		return nil, fmt.Errorf("%s: %w", ClaimFile(dir), err)
	}
	return &c, nil
}

// Take locks the claim on a data directory, and makes its file where there is none. While another run has it: locked.
func Take(dir string) (*Claim, error) {
	held := flock.New(ClaimFile(dir), flock.SetFlag(os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW), flock.SetPermissions(0o600))
	ok, err := held.TryLock()
	if err != nil {
		return nil, reason.Errorf(reason.SandboxFailed, "mark the restore in %s: %w", ClaimFile(dir), err)
	}
	if !ok {
		who := ""
		if c, err := ReadClaim(dir); err == nil && c != nil {
			who = fmt.Sprintf(", begun %s with backup set %s", c.Begun.UTC().Format(time.RFC3339), c.Set)
		}
		return nil, reason.Errorf(reason.Locked, "another restore into %s is at work%s", dir, who)
	}
	return &Claim{Data: dir, held: held}, nil
}

// Say writes how far the restore is, whole and on the disk: after a power cut it must be true.
func (c *Claim) Say(step Step) error {
	c.Step, c.Changed = step, time.Now()
	if info, err := os.Stat(c.Data); err == nil {
		c.Inode = inode(info)
	}
	content, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	file, err := os.OpenFile(c.held.Path(), os.O_WRONLY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	// In place: a renamed file would take the lock with it. What is cut is no JSON, and is refused.
	err = errors.Join(file.Truncate(0), write(file, append(content, '\n')), file.Sync())
	return errors.Join(err, file.Close())
}

func write(file *os.File, content []byte) error {
	_, err := file.Write(content)
	return err
}

// Drop takes the mark away: nothing of a restore is left to be ended.
func (c *Claim) Drop() error {
	return errors.Join(os.Remove(c.held.Path()), c.held.Unlock())
}

// Release leaves the mark for whoever resumes.
func (c *Claim) Release() error { return c.held.Unlock() }

// Of says whether the claim is about the directory that is there now.
func (c *Claim) Of(dir string) bool {
	info, err := os.Stat(dir)
	return errors.Is(err, fs.ErrNotExist) || err == nil && c.Inode == inode(info)
}

func inode(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Ino
	}
	return 0
}

// Beside is the directory that the mark lies in.
func (c *Claim) Beside() string { return filepath.Dir(c.held.Path()) }
