package source

import (
	"context"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"veza.fr/recovery/internal/reason"
)

// Existing is a repository that is there already: whatever its pgbackrest.conf
// says, production's included. Nothing of it is changed.
type Existing struct {
	Conf   string // path of the pgbackrest.conf
	Stanza string // "" where the conf has to tell
}

var _ Source = Existing{}

// Open checks that the file can be read. Otherwise the reason is config_invalid
// and the error names the absolute path.
func (e Existing) Open(_ context.Context, say func(format string, args ...any)) (Repository, error) {
	conf, err := filepath.Abs(e.Conf)
	if err != nil {
		return Repository{}, reason.Errorf(reason.ConfigInvalid, "pgbackrest configuration %q: %w", e.Conf, err)
	}
	info, err := os.Stat(conf)
	if err != nil {
		return Repository{}, reason.Errorf(reason.ConfigInvalid, "pgbackrest configuration: %w", err)
	}
	if !info.Mode().IsRegular() {
		return Repository{}, reason.Errorf(reason.ConfigInvalid, "pgbackrest configuration: %s is not a file", conf)
	}
	f, err := os.Open(conf)
	if err != nil {
		return Repository{}, reason.Errorf(reason.ConfigInvalid, "pgbackrest configuration: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	say("the repository is that of %s", conf)
	return Repository{Conf: conf, Stanza: e.Stanza, Mode: info.Mode(), Owner: Owner(info)}, nil
}

// Owner is the name of a file's owner, or the number of one without a name.
func Owner(info fs.FileInfo) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	id := strconv.FormatUint(uint64(stat.Uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

// Close has nothing to end.
func (Existing) Close(context.Context) error { return nil }
