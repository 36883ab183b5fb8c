package guest

import (
	"context"
	"fmt"
)

// Where a sandbox has its directories: etc is where pgbackrest's configuration usually is,
// so that an operator in a kept sandbox finds it; base holds the others.
const (
	base    = "/var/lib/veza-drill"
	confDir = "/etc/pgbackrest"
)

// directories are what every sandbox has, besides etc.
var directories = []string{"data", "tblspc", "run", "log", "lock", "spool"}

// Furnish makes the directories of a sandbox, for the default user alone. Without that
// user the error is ErrNoUser.
func (m *Machine) Furnish(ctx context.Context) error {
	user, err := m.Account(ctx, "")
	if err != nil {
		return err
	}
	script := `set -e; owner=$1; base=$2; conf=$3; shift 3
		mkdir -p "$base" "$conf"; chmod 0755 "$base"; chmod 0700 "$conf"; chown "$owner" "$conf"
		cd "$base"; for d; do mkdir -p "$d"; chmod 0700 "$d"; chown "$owner" "$d"; done`
	argv := append([]string{"sh", "-c", script, "sh", user.UID + ":" + user.GID, base, confDir}, directories...)
	if _, err := m.Script(ctx, argv, nil); err != nil {
		return fmt.Errorf("directories of %s: %w", m.name, err)
	}
	return nil
}

// Dir is the path of one of the directories of a sandbox.
func (m *Machine) Dir(name string) string {
	if name == "etc" {
		return confDir
	}
	return base + "/" + name
}
