package pgbackrest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"veza.fr/recovery/internal/wal"
)

// Stanza is what `info --output=json` says of one stanza (facts A3).
type Stanza struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Repo   []struct {
		Key    int    `json:"key"`
		Cipher string `json:"cipher"`
		Status Status `json:"status"`
	} `json:"repo"`
	DB      []Cluster `json:"db"`
	Archive []struct {
		ID       string   `json:"id"`
		Database Database `json:"database"`
		Min      string   `json:"min"`
		Max      string   `json:"max"`
	} `json:"archive"`
	Backup []Backup `json:"backup"`
}

// Cluster is one that a stanza is or was of: stanza-upgrade adds the next, with a higher ID.
type Cluster struct {
	ID       int    `json:"id"`
	RepoKey  int    `json:"repo-key"`
	SystemID uint64 `json:"system-id"`
	Version  string `json:"version"`
}

// Status codes of a stanza and of a repository.
const (
	StatusOK             = 0
	StatusMissingPath    = 1
	StatusNoBackups      = 2
	StatusMissingData    = 3
	StatusOtherRepo      = 4
	StatusMismatch       = 5
	StatusBackupNotFound = 6
	StatusError          = 99 // the message is the error's text
)

// Status is a code and its text. The command's exit status says nothing: it is 0
// for a missing stanza and for a wrong passphrase as well.
type Status struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// Database names the cluster version a backup or archive belongs to.
type Database struct {
	ID      int `json:"id"`
	RepoKey int `json:"repo-key"`
}

// Backup is one backup set.
type Backup struct {
	Label string  `json:"label"`
	Type  string  `json:"type"` // full, diff or incr
	Prior *string `json:"prior"`
	// Error says that pages failed their checksum when the backup was taken; nil when nobody looked.
	Error   *bool `json:"error"`
	Archive struct {
		Start string `json:"start"`
		Stop  string `json:"stop"`
	} `json:"archive"`
	LSN *struct {
		Start string `json:"start"`
		Stop  string `json:"stop"`
	} `json:"lsn"`
	Backrest struct {
		Format  int    `json:"format"`
		Version string `json:"version"`
	} `json:"backrest"`
	Database  Database `json:"database"`
	Timestamp struct {
		Start int64 `json:"start"` // epoch seconds
		Stop  int64 `json:"stop"`
	} `json:"timestamp"`
	Info struct {
		Size  int64 `json:"size"` // bytes of the restored cluster
		Delta int64 `json:"delta"`
	} `json:"info"`
}

// ArchiveEnd is the name of the last segment in the archive that a backup stands on, as info says; "" for none.
func (s Stanza) ArchiveEnd(of Backup) string {
	for _, a := range s.Archive {
		if a.Database == of.Database {
			return a.Max
		}
	}
	return ""
}

// Stopped is when the backup ended.
func (b Backup) Stopped() time.Time { return time.Unix(b.Timestamp.Stop, 0) }

// Damaged says whether pages failed their checksums when the backup was taken; where that was not asked, none did.
func (b Backup) Damaged() bool { return b.Error != nil && *b.Error }

// Offline says whether the backup was taken of a stopped server (backup --no-online): it has no WAL
// range, and is whole without any.
func (b Backup) Offline() bool { return b.Archive.Start == "" && b.Archive.Stop == "" }

// ErrUnreadableInfo is an answer of `info` that is no JSON: a failed decryption
// puts raw bytes into the message (facts A3).
var ErrUnreadableInfo = errors.New("the answer of pgbackrest info is no JSON")

// ParseInfo reads the answer of `info --stanza --output=json`.
func ParseInfo(output []byte) (Stanza, error) {
	var list []Stanza
	if err := json.Unmarshal(output, &list); err != nil {
		return Stanza{}, fmt.Errorf("%w: %w", ErrUnreadableInfo, err)
	}
	if len(list) != 1 {
		return Stanza{}, fmt.Errorf("%w: it holds %d stanzas, want 1", ErrUnreadableInfo, len(list))
	}
	return list[0], nil
}

// RepoStatus is the status of the pinned repository: the stanza's own mixes all repositories.
func (s Stanza) RepoStatus(key int) Status {
	for _, repo := range s.Repo {
		if repo.Key == key {
			return repo.Status
		}
	}
	return s.Status
}

// Backups are the sets of one repository, oldest first.
func (s Stanza) Backups(repo int) []Backup {
	var list []Backup
	for _, backup := range s.Backup {
		if backup.Database.RepoKey == repo {
			list = append(list, backup)
		}
	}
	slices.SortStableFunc(list, func(a, b Backup) int { return int(a.Timestamp.Stop - b.Timestamp.Stop) })
	return list
}

// Version is the PostgreSQL major version of the cluster a backup was taken from.
func (s Stanza) Version(backup Backup) string {
	for _, db := range s.DB {
		if db.ID == backup.Database.ID && db.RepoKey == backup.Database.RepoKey {
			return db.Version
		}
	}
	return ""
}

// SystemID is the identifier of the cluster a backup was taken from, in decimal.
func (s Stanza) SystemID(backup Backup) string {
	for _, db := range s.DB {
		if db.ID == backup.Database.ID && db.RepoKey == backup.Database.RepoKey {
			return strconv.FormatUint(db.SystemID, 10)
		}
	}
	return ""
}

// UpgradedSince is the present cluster of the backup's repository, when the backup is of one before it.
func (s Stanza) UpgradedSince(backup Backup) (now Cluster, upgraded bool) {
	now.ID = backup.Database.ID
	for _, db := range s.DB {
		if db.RepoKey == backup.Database.RepoKey && db.ID > now.ID {
			now, upgraded = db, true
		}
	}
	return now, upgraded
}

// ArchiveID is the directory of the archive that belongs to a backup, as 15-1.
func (s Stanza) ArchiveID(backup Backup) string {
	return fmt.Sprintf("%s-%d", s.Version(backup), backup.Database.ID)
}

// SegmentSizes are the WAL segment sizes that the positions and names of a backup allow, the smallest first: one, as a
// rule. Where they leave several, those of others of its cluster decide, as far as they agree: one from before a
// pg_resetwal --wal-segsize has another size. Where all say nothing it is PostgreSQL's own.
func SegmentSizes(of Backup, others []Backup) []uint64 {
	var sizes []uint64
	for _, b := range append([]Backup{of}, others...) {
		if b.LSN == nil {
			continue
		}
		for _, pair := range [][2]string{{b.LSN.Start, b.Archive.Start}, {b.LSN.Stop, b.Archive.Stop}} {
			position, err := wal.ParseLSN(pair[0])
			if err != nil {
				continue
			}
			these := wal.SegmentSizes(position, pair[1])
			if sizes == nil {
				sizes = these
				continue
			}
			both := slices.DeleteFunc(slices.Clone(sizes), func(size uint64) bool {
				return !slices.Contains(these, size)
			})
			if len(both) > 0 { // one that contradicts is left aside: a position on a boundary has the name before it
				sizes = both
			}
		}
	}
	if len(sizes) == 0 {
		return []uint64{wal.DefaultSegmentSize}
	}
	return sizes
}

// SameCluster are the backups of the same cluster as one of them. After stanza-upgrade the
// listing holds those of the cluster before too: another archive, maybe another segment size.
func SameCluster(backups []Backup, as Backup) []Backup {
	var list []Backup
	for _, b := range backups {
		if b.Database == as.Database {
			list = append(list, b)
		}
	}
	return list
}

// Find is the set with a label.
func Find(backups []Backup, label string) (Backup, bool) {
	for _, b := range backups {
		if b.Label == label {
			return b, true
		}
	}
	return Backup{}, false
}
